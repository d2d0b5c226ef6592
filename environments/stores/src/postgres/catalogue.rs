//! What a database holds besides rows: definitions, grants, counters, versions of collations, and
//! whether its dictionaries answer.

use tokio_postgres::Client;

use super::session::text_rows;
use crate::sql::body::Body;

/// Schemas that are not the server's own.
pub(super) const USER_SCHEMAS: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// The kind under which the counters of sequences stand.
pub(super) const COUNTER: &str = "sequence";

/// Kind, and a query that gives name and definition. `{user}` leaves out the server's own schemas,
/// `{acl:COLUMN:KIND:OWNER}` is written out by [`expanded`].
const QUERIES: &[(&str, &str)] = &[
    (
        "schema",
        "SELECT format('%I', n.nspname), 'owner ' || pg_get_userbyid(n.nspowner) || ', grants '
            || {acl:n.nspacl:n:n.nspowner}
         FROM pg_namespace n WHERE {user}",
    ),
    (
        "owner of",
        "SELECT format('%I.%I', n.nspname, c.relname), pg_get_userbyid(c.relowner)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't' AND {user}",
    ),
    (
        "grants on",
        "SELECT format('%I.%I', n.nspname, c.relname), {acl:c.relacl:r:c.relowner}
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND {user}
         UNION ALL
         SELECT format('%I.%I', n.nspname, c.relname), {acl:c.relacl:s:c.relowner}
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND {user}
         UNION ALL
         SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname), {acl:a.attacl:c:c.relowner}
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND {user}
         UNION ALL
         SELECT 'the database', {acl:d.datacl:d:d.datdba}
         FROM pg_database d WHERE d.datname = current_database()",
    ),
    (
        "default grants",
        "SELECT pg_get_userbyid(defaclrole) || ' in ' || coalesce(n.nspname, 'all schemas') || ' on '
            || defaclobjtype::text, {acl:defaclacl:r:defaclrole}
         FROM pg_default_acl LEFT JOIN pg_namespace n ON n.oid = defaclnamespace",
    ),
    (
        "table",
        "SELECT format('%I.%I', n.nspname, c.relname), concat_ws(', ',
            CASE c.relkind WHEN 'p' THEN 'partitioned by ' || pg_get_partkeydef(c.oid)
                WHEN 'f' THEN 'foreign' ELSE 'plain' END,
            CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
            pg_get_expr(c.relpartbound, c.oid),
            'inherits ' || (SELECT string_agg(inhparent::regclass::text, ' ' ORDER BY inhseqno)
                FROM pg_inherits WHERE inhrelid = c.oid),
            array_to_string(c.reloptions, ' '))
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND {user}",
    ),
    (
        "column",
        "SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname), concat_ws(', ',
            'place ' || (SELECT count(*) FROM pg_attribute o WHERE o.attrelid = a.attrelid
                AND o.attnum > 0 AND o.attnum <= a.attnum AND NOT o.attisdropped),
            format_type(a.atttypid, a.atttypmod),
            CASE WHEN a.attnotnull THEN 'not null' END,
            CASE a.attgenerated WHEN 's' THEN 'generated' END
                || ' ' || pg_get_expr(d.adbin, d.adrelid),
            CASE a.attgenerated WHEN '' THEN 'default ' || pg_get_expr(d.adbin, d.adrelid) END,
            CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity' END,
            CASE WHEN a.attcollation <> t.typcollation
                THEN 'collate ' || a.attcollation::regcollation END)
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
         LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE c.relkind IN ('r', 'p', 'f', 'c') AND c.relpersistence <> 't' AND a.attnum > 0
            AND NOT a.attisdropped AND {user}",
    ),
    (
        "constraint",
        "SELECT format('%I', conname) || ' of ' || coalesce(nullif(conrelid, 0)::regclass::text,
                nullif(contypid, 0)::regtype::text, '-'),
            pg_get_constraintdef(k.oid) || CASE WHEN convalidated THEN '' ELSE ' not valid' END
         FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
         WHERE contype <> 't' AND {user}",
    ),
    (
        "index",
        "SELECT format('%I.%I', n.nspname, c.relname), pg_get_indexdef(i.indexrelid)
            || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END
            || CASE WHEN i.indisclustered THEN ' (clustered)' ELSE '' END
            || CASE WHEN i.indisreplident THEN ' (identity of replicas)' ELSE '' END
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relpersistence <> 't' AND {user}",
    ),
    (
        "sequence options",
        "SELECT format('%I.%I', n.nspname, c.relname), concat_ws(', ', format_type(seqtypid, NULL),
            'from ' || seqstart, 'by ' || seqincrement, 'down to ' || seqmin, 'up to ' || seqmax,
            'cache ' || seqcache, CASE WHEN seqcycle THEN 'cycles' END,
            'owned by ' || (SELECT refobjid::regclass || '.' || attname FROM pg_depend JOIN pg_attribute
                ON attrelid = refobjid AND attnum = refobjsubid
                WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('a', 'i')
                AND refobjsubid > 0))
         FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relpersistence <> 't' AND {user}",
    ),
    (
        "extension",
        "SELECT format('%I', extname), extversion || ' in ' || n.nspname
         FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace",
    ),
    (
        "collation",
        "SELECT 'of the database', concat_ws(', ', pg_encoding_to_char(encoding), datcollate,
            datctype, daticulocale, 'made with version ' || datcollversion,
            'now ' || pg_database_collation_actual_version(oid))
         FROM pg_database WHERE datname = current_database()
         UNION ALL
         SELECT format('%I.%I', n.nspname, collname), concat_ws(', ', collprovider, collcollate,
            collctype, colliculocale, CASE WHEN collisdeterministic THEN '' ELSE 'not deterministic' END,
            'made with version ' || collversion, 'now ' || pg_collation_actual_version(l.oid))
         FROM pg_collation l JOIN pg_namespace n ON n.oid = collnamespace
         WHERE {user} OR l.oid IN (SELECT a.attcollation FROM pg_attribute a
            JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE a.attcollation NOT IN (0, 100) AND {user})",
    ),
    (
        "text-search dictionary",
        "SELECT format('%I.%I', n.nspname, dictname), concat_ws(', ', t.tmplname, dictinitoption)
         FROM pg_ts_dict d JOIN pg_namespace n ON n.oid = dictnamespace
         JOIN pg_ts_template t ON t.oid = dicttemplate WHERE {user}",
    ),
    (
        "text-search configuration",
        "SELECT format('%I.%I', n.nspname, cfgname), (SELECT string_agg(maptokentype || '.'
            || mapseqno || ' ' || mapdict::regdictionary, ', ' ORDER BY maptokentype, mapseqno)
            FROM pg_ts_config_map WHERE mapcfg = g.oid)
         FROM pg_ts_config g JOIN pg_namespace n ON n.oid = cfgnamespace WHERE {user}",
    ),
    (
        "role",
        "SELECT format('%I', rolname), concat_ws(', ', CASE WHEN rolsuper THEN 'superuser' END,
            CASE WHEN rolinherit THEN 'inherits' END, CASE WHEN rolcreaterole THEN 'makes roles' END,
            CASE WHEN rolcreatedb THEN 'makes databases' END, CASE WHEN rolcanlogin THEN 'logs in' END,
            CASE WHEN rolreplication THEN 'replicates' END,
            CASE WHEN rolbypassrls THEN 'passes row security' END, 'connections ' || rolconnlimit)
         FROM pg_roles WHERE rolname !~ '^pg_'",
    ),
    (
        "membership",
        "SELECT pg_get_userbyid(member) || ' in ' || pg_get_userbyid(roleid),
            CASE WHEN admin_option THEN 'with admin option' ELSE 'plain' END FROM pg_auth_members
         WHERE pg_get_userbyid(member) !~ '^pg_'",
    ),
    (
        "setting",
        "SELECT coalesce(pg_get_userbyid(nullif(setrole, 0)), 'everybody')
            || CASE WHEN setdatabase = 0 THEN '' ELSE ' in the database' END,
            array_to_string(setconfig, ' ')
         FROM pg_db_role_setting WHERE setdatabase IN (0, (SELECT oid FROM pg_database
            WHERE datname = current_database()))",
    ),
    (
        "row security of",
        "SELECT format('%I.%I', n.nspname, c.relname),
            CASE WHEN c.relforcerowsecurity THEN 'forced, ' ELSE '' END
            || CASE WHEN c.relrowsecurity THEN 'on' ELSE 'off' END
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND {user}",
    ),
    (
        "policy",
        "SELECT format('%I of %I.%I', polname, n.nspname, c.relname), concat_ws(', ', polcmd,
            polpermissive, (SELECT string_agg(coalesce(pg_get_userbyid(nullif(r, 0)), 'everybody'),
                ' ' ORDER BY pg_get_userbyid(r)) FROM unnest(polroles) r),
            'using ' || pg_get_expr(polqual, polrelid),
            'check ' || pg_get_expr(polwithcheck, polrelid))
         FROM pg_policy p JOIN pg_class c ON c.oid = polrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace",
    ),
    (
        "view",
        "SELECT format('%I.%I', n.nspname, c.relname), pg_get_viewdef(c.oid)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('v', 'm') AND {user}",
    ),
    (
        "function",
        "SELECT format('%I.%I(%s)', n.nspname, proname, pg_get_function_identity_arguments(p.oid)),
            CASE prokind WHEN 'a' THEN 'aggregate' ELSE pg_get_functiondef(p.oid) END
            || ' owner ' || pg_get_userbyid(proowner) || ', grants ' || {acl:proacl:f:proowner}
         FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
         WHERE {user} AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE classid = 'pg_proc'::regclass
            AND objid = p.oid AND deptype = 'e')",
    ),
    (
        "trigger",
        "SELECT format('%I of %I.%I', tgname, n.nspname, c.relname),
            pg_get_triggerdef(g.oid) || ' ' || tgenabled::text
         FROM pg_trigger g JOIN pg_class c ON c.oid = tgrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT tgisinternal",
    ),
    (
        "event trigger",
        "SELECT format('%I', evtname), concat_ws(', ', evtevent, evtenabled, evtfoid::regproc,
            array_to_string(evttags, ' ')) FROM pg_event_trigger",
    ),
    (
        "rule",
        "SELECT format('%I of %I.%I', rulename, n.nspname, c.relname), pg_get_ruledef(u.oid)
         FROM pg_rewrite u JOIN pg_class c ON c.oid = ev_class
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE rulename <> '_RETURN' AND {user}",
    ),
    (
        "type",
        "SELECT format('%I.%I', n.nspname, typname), concat_ws(', ', typtype,
            (SELECT string_agg(enumlabel, ' ' ORDER BY enumsortorder) FROM pg_enum
                WHERE enumtypid = t.oid),
            CASE typtype WHEN 'd' THEN format_type(typbasetype, typtypmod) END,
            CASE WHEN typnotnull THEN 'not null' END, 'default ' || typdefault,
            'owner ' || pg_get_userbyid(typowner), {acl:typacl:T:typowner})
         FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace
         WHERE typtype IN ('e', 'd', 'r', 'c') AND (typrelid = 0 OR EXISTS (SELECT 1 FROM pg_class
            WHERE oid = typrelid AND relkind = 'c')) AND {user}",
    ),
];

/// A query with its short forms written out: grants in a settled order, and those that stand by
/// themselves where nobody changed any.
fn expanded(query: &str) -> String {
    let mut text = query.replace("{user}", USER_SCHEMAS);
    while let Some(at) = text.find("{acl:") {
        let end = text[at..].find('}').map_or(text.len() - 1, |end| at + end);
        let words: Vec<&str> = text[at + 5..end].split(':').collect();
        let (column, kind, owner) = match words[..] {
            [column, kind, owner] => (column, kind, owner),
            _ => ("NULL::aclitem[]", "r", "10"),
        };
        let sql = format!(
            "coalesce((SELECT string_agg(grantee_item::text, ' ' ORDER BY grantee_item::text) \
             FROM unnest(coalesce({column}, acldefault('{kind}', {owner}))) grantee_item), 'none')"
        );
        text.replace_range(at..=end, &sql);
    }
    text
}

/// Reads the whole catalogue in a transaction.
pub(super) async fn read(client: &Client, body: &mut Body) -> Result<(), String> {
    for (kind, query) in QUERIES {
        let rows = text_rows(client, &expanded(query))
            .await
            .map_err(|why| format!("{kind}: {why}"))?;
        for row in rows {
            let mut row = row.into_iter();
            let name = row.next().flatten().unwrap_or_default();
            body.note(kind, name, &row.next().flatten().unwrap_or_default());
        }
    }
    counters(client, body).await?;
    dictionaries(client, body).await
}

/// As a counter is told: the value, and whether it was taken.
pub(super) fn counter(value: &str, taken: bool) -> String {
    format!("at {value}{}", if taken { "" } else { ", not taken yet" })
}

async fn counters(client: &Client, body: &mut Body) -> Result<(), String> {
    let sequences = format!(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND {USER_SCHEMAS}"
    );
    for name in text_rows(client, &sequences)
        .await?
        .into_iter()
        .flatten()
        .flatten()
    {
        let query = format!("SELECT last_value, is_called FROM {name}");
        for row in text_rows(client, &query).await? {
            let [Some(value), Some(taken)] = &row[..] else {
                return Err(format!("the sequence {name} has no value"));
            };
            body.note(COUNTER, name.clone(), &counter(value, taken == "t"));
        }
    }
    Ok(())
}

/// Asks every dictionary for a word: its files lie beside the server, in no dump.
async fn dictionaries(client: &Client, body: &mut Body) -> Result<(), String> {
    let dictionaries = format!(
        "SELECT format('%I.%I', n.nspname, dictname) FROM pg_ts_dict \
         JOIN pg_namespace n ON n.oid = dictnamespace WHERE {USER_SCHEMAS}"
    );
    for name in text_rows(client, &dictionaries)
        .await?
        .into_iter()
        .flatten()
        .flatten()
    {
        let literal = name.replace('\'', "''");
        text_rows(client, "SAVEPOINT asked").await?;
        let query =
            format!("SELECT coalesce(ts_lexize('{literal}', 'stories')::text, 'unknown word')");
        let answer = match text_rows(client, &query).await {
            Ok(rows) => rows.into_iter().flatten().flatten().collect::<String>(),
            Err(why) => format!("does not answer: {why}"),
        };
        text_rows(client, "ROLLBACK TO SAVEPOINT asked").await?;
        body.note("answer of the text-search dictionary", name, &answer);
    }
    Ok(())
}
