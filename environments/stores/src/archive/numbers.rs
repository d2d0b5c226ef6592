//! Fields of a header.

/// A text that ends at its first zero.
pub(super) fn text(field: &[u8]) -> Vec<u8> {
    let end = field.iter().position(|byte| *byte == 0);
    field[..end.unwrap_or(field.len())].to_vec()
}

/// A name, with the prefix that long ones have.
pub(super) fn path(header: &[u8]) -> Vec<u8> {
    let name = text(&header[..100]);
    let prefix = text(&header[345..500]);
    // Only the standard form has a prefix there; GNU's own has times.
    if prefix.is_empty() || &header[257..263] != b"ustar\0" {
        return name;
    }
    [prefix, name].join(&b'/')
}

/// Octal digits, or a binary number where those do not suffice.
pub(super) fn number(field: &[u8]) -> Result<u64, String> {
    if field[0] & 0x80 != 0 {
        if field[0] != 0x80 {
            return Err("a number in a header is negative or too large".to_owned());
        }
        return Ok(field[1..]
            .iter()
            .fold(0, |number, byte| (number << 8) | u64::from(*byte)));
    }
    let digits = String::from_utf8_lossy(field);
    let digits = digits.trim_matches(|sign| sign == ' ' || sign == '\0');
    if digits.is_empty() {
        return Ok(0);
    }
    u64::from_str_radix(digits, 8).map_err(|_| "a number in a header is none".to_owned())
}

/// Whether a header is one: its bytes have the sum that it says.
pub(super) fn check(header: &[u8]) -> Result<(), String> {
    let own = 148..156;
    let sum: u64 = header
        .iter()
        .enumerate()
        .map(|(at, byte)| u64::from(if own.contains(&at) { b' ' } else { *byte }))
        .sum();
    if number(&header[own])? == sum {
        Ok(())
    } else {
        Err("a header does not have the sum that it says: the archive is damaged".to_owned())
    }
}
