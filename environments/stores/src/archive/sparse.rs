//! A file with holes, stored as a map and the bytes between the holes (GNU's form 1.0).

use super::Visitor;

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
/// More numbers in a map than this are damage.
const NUMBERS: u64 = 1 << 24;

/// Gives a visitor what a reader of the file would read. A hole and a run of zeros are the same to
/// everybody who reads the file, so they are the same to a digest.
pub(super) struct Sparse {
    size: u64,
    /// Bytes given so far.
    position: u64,
    /// Bytes of the map so far: it fills whole blocks.
    mapped: usize,
    digits: Vec<u8>,
    /// How many numbers are still to come; `None` before the first.
    awaited: Option<u64>,
    numbers: Vec<u64>,
    /// Which part is being given, and how much of it has been.
    part: usize,
    given: u64,
}

impl Sparse {
    pub(super) fn new(size: u64) -> Self {
        Self {
            size,
            position: 0,
            mapped: 0,
            digits: Vec::new(),
            awaited: None,
            numbers: Vec::new(),
            part: 0,
            given: 0,
        }
    }

    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        visitor: &mut impl Visitor,
    ) -> Result<(), String> {
        while !bytes.is_empty() && !self.map_is_read() {
            self.mapped += 1;
            let byte = bytes[0];
            bytes = &bytes[1..];
            match byte {
                _ if self.awaited == Some(0) => {}
                b'\n' => self.number()?,
                byte if byte.is_ascii_digit() && self.digits.len() < 20 => self.digits.push(byte),
                _ => return Err("the map of a sparse file is damaged".to_owned()),
            }
        }
        while !bytes.is_empty() {
            let Some(&[offset, length]) = self.numbers.get(2 * self.part..2 * self.part + 2) else {
                return Err("a sparse file has more bytes than its map says".to_owned());
            };
            self.hole_until(offset, visitor)?;
            let take = super::shorter(length - self.given, bytes.len());
            visitor.bytes(&bytes[..take]);
            bytes = &bytes[take..];
            self.position += take as u64;
            self.given += take as u64;
            if self.given == length {
                self.part += 1;
                self.given = 0;
            }
        }
        Ok(())
    }

    fn map_is_read(&self) -> bool {
        self.awaited == Some(0) && self.mapped.is_multiple_of(super::BLOCK)
    }

    fn number(&mut self) -> Result<(), String> {
        let number = super::decimal(&std::mem::take(&mut self.digits))?;
        match &mut self.awaited {
            None if number > NUMBERS => {
                return Err("the map of a sparse file is too long".to_owned());
            }
            awaited @ None => *awaited = Some(2 * number),
            Some(left) => {
                self.numbers.push(number);
                *left -= 1;
            }
        }
        Ok(())
    }

    fn hole_until(&mut self, offset: u64, visitor: &mut impl Visitor) -> Result<(), String> {
        if self.given > 0 {
            return Ok(());
        }
        if offset < self.position {
            return Err("the map of a sparse file goes backwards".to_owned());
        }
        while self.position < offset {
            if visitor.is_over() {
                return Err("nobody waits for it any more".to_owned());
            }
            let take = super::shorter(offset - self.position, ZEROS.len());
            visitor.bytes(&ZEROS[..take]);
            self.position += take as u64;
        }
        Ok(())
    }

    /// The hole at the end.
    pub(super) fn finish(mut self, visitor: &mut impl Visitor) -> Result<(), String> {
        let empty_parts = self.numbers[2 * self.part.min(self.numbers.len() / 2)..]
            .chunks(2)
            .all(|part| part[1] == 0);
        if self.given > 0 || !empty_parts {
            return Err("a sparse file has fewer bytes than its map says".to_owned());
        }
        let size = self.size;
        self.hole_until(size, visitor)
    }
}
