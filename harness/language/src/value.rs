//! Values with units.

use std::time::Duration;

/// A duration as it is written: `90s`, `15m`, `24h`, `7d`, `500ms`, or several: `1h30m`.
///
/// # Errors
/// What is wrong with it, in a few words.
pub fn duration(text: &str) -> Result<Duration, String> {
    let example = "write a number and a unit: `90s`, `15m`, `24h`, `7d`, `500ms`";
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(example.to_owned());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let letters = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "" => return Err(format!("it has no unit: {example}")),
            other => return Err(format!("`{other}` is no unit: {example}")),
        };
        let number: f64 = number.parse().map_err(|_| example.to_owned())?;
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| example.to_owned())?;
        total = total
            .checked_add(part)
            .ok_or_else(|| "it is too long".to_owned())?;
        rest = tail.trim_start();
    }
    Ok(total)
}

/// A duration that is longer than nothing.
///
/// # Errors
/// What is wrong with it, in a few words.
pub fn period(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it has to be longer than nothing".to_owned()),
        found => Ok(found),
    }
}

/// A count with a bound: `0`, `3`, `at least 1`, `at most 5`.
///
/// # Errors
/// What is wrong with it, in a few words.
pub fn bound(text: &str) -> Result<(u64, Option<u64>), String> {
    let text = text.trim();
    let number = |text: &str| {
        text.trim()
            .parse::<u64>()
            .map_err(|_| "write a number, `at least 1` or `at most 5`".to_owned())
    };
    if let Some(rest) = text.strip_prefix("at least") {
        Ok((number(rest)?, None))
    } else if let Some(rest) = text.strip_prefix("at most") {
        Ok((0, Some(number(rest)?)))
    } else {
        number(text).map(|exact| (exact, Some(exact)))
    }
}

/// A place beyond the stack that it may reach: its name and port in the stack, and where that leads,
/// which is the same place unless the file says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Egress {
    /// The name by which the stack calls it.
    pub host: String,
    /// The port at which the stack calls it.
    pub port: u16,
    /// Where that leads to: a name or an address, and a port.
    pub to: (String, u16),
}

impl std::fmt::Display for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port, to } = self;
        write!(f, "{host}:{port}")?;
        if (host, port) != (&to.0, &to.1) {
            write!(f, " -> {}:{}", to.0, to.1)?;
        }
        Ok(())
    }
}

/// A way out: `smtp.example.test:25`, or `smtp.example.test:25 -> 192.0.2.7:2525`.
///
/// # Errors
/// What is wrong with it, in a few words.
pub fn egress(text: &str) -> Result<Egress, String> {
    let example = "write `smtp.example.test:25` or `smtp.example.test:25 -> 192.0.2.7:2525`";
    let place = |text: &str| -> Result<(String, u16), String> {
        let (host, port) = text.trim().rsplit_once(':').ok_or(example)?;
        // Nothing else stands in a name or an IPv4 address, and a shell may see it.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || host.starts_with('-') || !host.chars().all(plain) {
            return Err(format!("`{host}` is no name of a host: {example}"));
        }
        match port.parse() {
            Ok(0) | Err(_) => Err(format!("`{port}` is no port: {example}")),
            Ok(port) => Ok((host.to_owned(), port)),
        }
    };
    let (from, to) = text.split_once("->").unwrap_or((text, text));
    let ((host, port), to) = (place(from)?, place(to)?);
    if host.parse::<std::net::IpAddr>().is_ok() {
        return Err(format!(
            "`{host}` is an address, and only a name can lead elsewhere: {example}"
        ));
    }
    Ok(Egress { host, port, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("0.5s"), Ok(Duration::from_millis(500)));
        assert!(duration("15").is_err_and(|why| why.contains("no unit")));
        assert!(duration("3 weeks").is_err_and(|why| why.contains("weeks")));
        assert!(duration("").is_err());
        assert!(duration("-5s").is_err());
    }

    #[test]
    fn bounds() {
        assert_eq!(bound("0"), Ok((0, Some(0))));
        assert_eq!(bound("at least 1"), Ok((1, None)));
        assert_eq!(bound("at most 5"), Ok((0, Some(5))));
        assert!(bound("many").is_err());
    }

    #[test]
    fn ways_out() {
        let plain = egress("smtp.example.test:25").unwrap();
        assert_eq!(plain.to, ("smtp.example.test".to_owned(), 25));
        assert_eq!(plain.to_string(), "smtp.example.test:25");
        let led = egress("smtp.example.test:25->192.0.2.7:2525").unwrap();
        assert_eq!((led.port, led.to.1), (25, 2525));
        assert_eq!(led.to_string(), "smtp.example.test:25 -> 192.0.2.7:2525");
        for (text, said) in [
            ("smtp.example.test", "write"),
            ("smtp.example.test:0", "no port"),
            ("smtp.example.test:25; rm", "no port"),
            ("$(id):25", "no name"),
            (":25", "no name"),
            ("a.test:25 ->", "write"),
            ("192.0.2.7:25", "only a name"),
        ] {
            assert!(egress(text).unwrap_err().contains(said), "{text}");
        }
    }
}
