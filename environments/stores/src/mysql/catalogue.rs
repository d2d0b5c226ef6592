//! What a database holds besides rows: definitions, counters, grants.

use mysql_async::Conn;

use super::session::{quoted, text_rows};
use crate::sql::body::Body;

/// The kind under which the counters of tables stand.
pub(super) const COUNTER: &str = "auto-increment counter of";

/// Kind, and a query that gives name and definition.
const QUERIES: &[(&str, &str)] = &[
    (
        "character set and collation",
        "SELECT 'of the database', concat_ws(', ', DEFAULT_CHARACTER_SET_NAME, \
            DEFAULT_COLLATION_NAME)
         FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()",
    ),
    (
        "view",
        "SELECT TABLE_NAME, concat_ws(', ', VIEW_DEFINITION, CHECK_OPTION, DEFINER, SECURITY_TYPE)
         FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()",
    ),
    (
        "trigger",
        "SELECT TRIGGER_NAME, concat_ws(' ', ACTION_TIMING, EVENT_MANIPULATION, 'on', \
            EVENT_OBJECT_TABLE, ACTION_ORDER, ACTION_STATEMENT, DEFINER, SQL_MODE, \
            CHARACTER_SET_CLIENT, COLLATION_CONNECTION)
         FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()",
    ),
    (
        "routine",
        "SELECT concat(lower(ROUTINE_TYPE), ' ', ROUTINE_NAME), concat_ws(' ', (SELECT \
            GROUP_CONCAT(concat_ws(' ', PARAMETER_MODE, PARAMETER_NAME, p.DTD_IDENTIFIER, \
                p.COLLATION_NAME) ORDER BY ORDINAL_POSITION)
            FROM information_schema.PARAMETERS p WHERE p.SPECIFIC_SCHEMA = r.ROUTINE_SCHEMA
                AND p.SPECIFIC_NAME = r.SPECIFIC_NAME AND p.ROUTINE_TYPE = r.ROUTINE_TYPE),
            r.DTD_IDENTIFIER, ROUTINE_DEFINITION, IS_DETERMINISTIC, SQL_DATA_ACCESS, SECURITY_TYPE, \
            DEFINER, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION)
         FROM information_schema.ROUTINES r WHERE ROUTINE_SCHEMA = DATABASE()",
    ),
    (
        "event",
        "SELECT EVENT_NAME, concat_ws(' ', EVENT_TYPE, EXECUTE_AT, INTERVAL_VALUE, INTERVAL_FIELD, \
            STARTS, ENDS, STATUS, ON_COMPLETION, EVENT_DEFINITION, DEFINER, SQL_MODE, TIME_ZONE)
         FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()",
    ),
    (
        "grants of",
        "SELECT concat(GRANTEE, ' on everything'), GROUP_CONCAT(concat(PRIVILEGE_TYPE, \
            IF(IS_GRANTABLE = 'YES', ' and to grant it', '')) ORDER BY 1 SEPARATOR ', ')
         FROM information_schema.USER_PRIVILEGES GROUP BY GRANTEE
         UNION ALL
         SELECT concat(GRANTEE, ' on the database ', TABLE_SCHEMA), GROUP_CONCAT(concat( \
            PRIVILEGE_TYPE, IF(IS_GRANTABLE = 'YES', ' and to grant it', '')) ORDER BY 1 \
            SEPARATOR ', ')
         FROM information_schema.SCHEMA_PRIVILEGES GROUP BY GRANTEE, TABLE_SCHEMA
         UNION ALL
         SELECT concat(GRANTEE, ' on ', TABLE_NAME), GROUP_CONCAT(concat(PRIVILEGE_TYPE, \
            IF(IS_GRANTABLE = 'YES', ' and to grant it', '')) ORDER BY 1 SEPARATOR ', ')
         FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = DATABASE()
         GROUP BY GRANTEE, TABLE_NAME
         UNION ALL
         SELECT concat(GRANTEE, ' on ', TABLE_NAME, '.', COLUMN_NAME), GROUP_CONCAT( \
            PRIVILEGE_TYPE ORDER BY 1 SEPARATOR ', ')
         FROM information_schema.COLUMN_PRIVILEGES WHERE TABLE_SCHEMA = DATABASE()
         GROUP BY GRANTEE, TABLE_NAME, COLUMN_NAME",
    ),
];

/// Reads the whole catalogue.
pub(super) async fn read(
    connection: &mut Conn,
    tables: &[String],
    body: &mut Body,
) -> Result<(), String> {
    for (kind, query) in QUERIES {
        let rows = text_rows(connection, query)
            .await
            .map_err(|why| format!("{kind}: {why}"))?;
        for row in rows {
            if let [name, definition] = &row[..] {
                body.note(kind, name.clone(), definition);
            }
        }
    }
    for table in tables {
        let rows = text_rows(connection, &format!("SHOW CREATE TABLE {}", quoted(table))).await?;
        let statement = rows
            .first()
            .and_then(|row| row.get(1))
            .ok_or_else(|| format!("the table {table} has no definition"))?;
        note_table(table, statement, body);
    }
    Ok(())
}

/// Notes a table's columns, keys and options from the statement that makes it.
fn note_table(table: &str, statement: &str, body: &mut Body) {
    let mut place = 0;
    let mut options = String::new();
    let mut inside = true;
    for line in statement.lines().skip(1) {
        let text = line.trim().trim_end_matches(',');
        inside &= !line.starts_with(')');
        if !inside {
            options.push_str(&without_counter(text));
            options.push(' ');
        } else if let Some((name, definition)) = text
            .strip_prefix('`')
            .and_then(|rest| rest.split_once("` "))
        {
            place += 1;
            body.note(
                "column",
                format!("{table}.{name}"),
                &format!("place {place}, {definition}"),
            );
        } else {
            let (before, rest) = text.split_once('`').unwrap_or((text, ""));
            let kind = if before.starts_with("CONSTRAINT") {
                "constraint"
            } else {
                "index"
            };
            let name = match before.trim() {
                "PRIMARY KEY (" => "primary",
                _ => rest.split('`').next().unwrap_or_default(),
            };
            body.note(kind, format!("{table}.{name}"), text);
        }
    }
    body.note("options of", table.to_owned(), options.trim());
    if let Some(counter) = counter(statement) {
        body.note(COUNTER, table.to_owned(), &format!("at {counter}"));
    }
}

/// Where a table's counter stands, by the statement that makes it; `None` for one without.
pub(super) fn counter(statement: &str) -> Option<u64> {
    let options = statement.lines().find(|line| line.starts_with(") "))?;
    match options.split_once(" AUTO_INCREMENT=") {
        Some((_, rest)) => rest
            .split(|letter: char| !letter.is_ascii_digit())
            .next()?
            .parse()
            .ok(),
        // The server does not say where one stands that was never moved.
        None => statement
            .lines()
            .any(|line| line.starts_with("  `") && line.contains(" AUTO_INCREMENT"))
            .then_some(1),
    }
}

fn without_counter(options: &str) -> String {
    match options.split_once(" AUTO_INCREMENT=") {
        Some((before, rest)) => {
            let rest = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
            format!("{before}{rest}")
        }
        None => options.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "CREATE TABLE `t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  `a` text,\n  \
                         PRIMARY KEY (`id`),\n  KEY `by_a` (`a`(10))\n) ENGINE=InnoDB \
                         AUTO_INCREMENT=12 DEFAULT CHARSET=utf8mb4";

    #[test]
    fn a_table_is_told_in_its_parts() {
        let mut body = Body::default();
        note_table("t", TABLE, &mut body);
        assert_eq!(
            body.catalogue["column"]["t.id"],
            "place 1, int(11) NOT NULL AUTO_INCREMENT"
        );
        assert_eq!(body.catalogue["index"]["t.primary"], "PRIMARY KEY (`id`)");
        assert_eq!(body.catalogue["index"]["t.by_a"], "KEY `by_a` (`a`(10))");
        assert_eq!(
            body.catalogue["options of"]["t"],
            ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
        );
        assert_eq!(body.catalogue[COUNTER]["t"], "at 12");
        assert_eq!(counter(&TABLE.replace(" AUTO_INCREMENT=12", "")), Some(1));
        assert_eq!(
            counter("CREATE TABLE `t` (\n  `id` int\n) ENGINE=InnoDB"),
            None
        );
    }
}
