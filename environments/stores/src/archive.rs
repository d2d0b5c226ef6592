//! A tar archive read as it streams by: members, their attributes and their bytes. It reads what GNU
//! tar writes as `posix`, sparse files included, and long names as GNU tar writes them by default. It
//! refuses what it does not know: a member that is passed over in silence would be missing from a
//! manifest, and nobody would notice.

mod numbers;
mod sparse;
pub(crate) mod writer;

use std::collections::BTreeMap;

use numbers::{number, text};
use sparse::Sparse;

const BLOCK: usize = 512;
/// More attributes than this for one member are no attributes but damage.
const ATTRIBUTES: u64 = 16 << 20;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    /// Another name of a file that came before.
    HardLink,
    Link,
    Folder,
    /// A device or a named pipe.
    Special,
}

/// One member of an archive.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
    /// Bytes that a reader of the file would read.
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    /// Where a link leads.
    pub(crate) target: Vec<u8>,
    /// Extended attributes and access control lists.
    pub(crate) attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Kind and numbers of what is special.
    pub(crate) device: String,
}

/// Who is told of what is in an archive.
pub(crate) trait Visitor {
    fn begin(&mut self, member: &Member);
    /// Bytes of the member that began last, in order.
    fn bytes(&mut self, bytes: &[u8]);
    fn end(&mut self);
    /// Whether nobody waits for the rest: a hole can be longer than anybody's patience.
    fn is_over(&self) -> bool {
        false
    }
}

enum State {
    Header,
    Attributes {
        of: Extra,
        collected: Vec<u8>,
        left: u64,
        padding: u64,
    },
    Body {
        left: u64,
        padding: u64,
        sparse: Option<Sparse>,
    },
    Ended,
}

/// What a member says that is about the one after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extra {
    /// Records of the standard form.
    Records,
    /// Such records about the archive as a whole: a comment, as a rule.
    Comment,
    /// A name that is too long for a header, in the form that is GNU's own.
    Name,
    /// Such a name of what a link leads to.
    Target,
}

/// Takes an archive piece by piece.
pub(crate) struct Reader<V> {
    visitor: V,
    state: State,
    /// A header of which not all has come.
    header: Vec<u8>,
    pax: BTreeMap<Vec<u8>, Vec<u8>>,
    zero_blocks: u8,
}

impl<V: Visitor> Reader<V> {
    pub(crate) fn new(visitor: V) -> Self {
        Self {
            visitor,
            state: State::Header,
            header: Vec::with_capacity(BLOCK),
            pax: BTreeMap::new(),
            zero_blocks: 0,
        }
    }

    /// Takes the next piece.
    pub(crate) fn feed(&mut self, mut piece: &[u8]) -> Result<(), String> {
        while !piece.is_empty() {
            match std::mem::replace(&mut self.state, State::Header) {
                State::Ended => {
                    self.state = State::Ended;
                    if piece.iter().any(|byte| *byte != 0) {
                        return Err("something follows the end of the archive".to_owned());
                    }
                    return Ok(());
                }
                State::Header => {
                    let take = (BLOCK - self.header.len()).min(piece.len());
                    self.header.extend_from_slice(&piece[..take]);
                    piece = &piece[take..];
                    if self.header.len() == BLOCK {
                        let header = std::mem::take(&mut self.header);
                        self.header(&header)?;
                    }
                }
                State::Attributes {
                    of,
                    mut collected,
                    left,
                    padding,
                } => {
                    let take = shorter(left, piece.len());
                    collected.extend_from_slice(&piece[..take]);
                    piece = &piece[take..];
                    let left = left - take as u64;
                    if left > 0 {
                        self.state = State::Attributes {
                            of,
                            collected,
                            left,
                            padding,
                        };
                    } else {
                        self.note(of, &collected)?;
                        self.state = State::Body {
                            left: 0,
                            padding,
                            sparse: None,
                        };
                        piece = self.pad(piece);
                    }
                }
                State::Body {
                    left: 0,
                    padding,
                    sparse,
                } => {
                    self.state = State::Body {
                        left: 0,
                        padding,
                        sparse,
                    };
                    piece = self.pad(piece);
                }
                State::Body {
                    left,
                    padding,
                    mut sparse,
                } => {
                    let take = shorter(left, piece.len());
                    let bytes = &piece[..take];
                    match &mut sparse {
                        Some(sparse) => sparse.feed(bytes, &mut self.visitor)?,
                        None => self.visitor.bytes(bytes),
                    }
                    piece = &piece[take..];
                    let left = left - take as u64;
                    if left == 0 {
                        if let Some(sparse) = sparse.take() {
                            sparse.finish(&mut self.visitor)?;
                        }
                        self.visitor.end();
                    }
                    self.state = State::Body {
                        left,
                        padding,
                        sparse,
                    };
                    if left == 0 {
                        piece = self.pad(piece);
                    }
                }
            }
        }
        Ok(())
    }

    /// The visitor, if the archive came to its end.
    pub(crate) fn finish(self) -> Result<V, String> {
        match self.state {
            State::Ended => Ok(self.visitor),
            _ => Err("the archive ends before its end".to_owned()),
        }
    }

    /// Passes over what fills the last block of a body.
    fn pad<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let State::Body {
            left: 0, padding, ..
        } = &mut self.state
        else {
            return piece;
        };
        let take = shorter(*padding, piece.len());
        *padding -= take as u64;
        if *padding == 0 {
            self.state = State::Header;
        }
        &piece[take..]
    }

    fn header(&mut self, header: &[u8]) -> Result<(), String> {
        if header.iter().all(|byte| *byte == 0) {
            self.zero_blocks += 1;
            if self.zero_blocks == 2 {
                self.state = State::Ended;
            }
            return Ok(());
        }
        if self.zero_blocks > 0 {
            return Err("an empty block lies between members".to_owned());
        }
        numbers::check(header)?;
        let stored = match self.pax.get(&b"size"[..]) {
            Some(size) => decimal(size)?,
            None => number(&header[124..136])?,
        };
        let padding = stored.next_multiple_of(BLOCK as u64) - stored;
        let of = match header[156] {
            b'x' => Extra::Records,
            b'g' => Extra::Comment,
            b'L' => Extra::Name,
            b'K' => Extra::Target,
            kind => return self.member(kind, header, stored, padding),
        };
        if stored == 0 || stored > ATTRIBUTES {
            return Err("a member has no attributes, or too many".to_owned());
        }
        self.state = State::Attributes {
            of,
            collected: Vec::new(),
            left: stored,
            padding,
        };
        Ok(())
    }

    fn note(&mut self, of: Extra, collected: &[u8]) -> Result<(), String> {
        let key: &[u8] = match of {
            Extra::Records => {
                self.pax.extend(records(collected)?);
                return Ok(());
            }
            Extra::Comment => {
                let known = records(collected)?;
                return match known.keys().find(|key| *key != b"comment") {
                    None => Ok(()),
                    Some(key) => Err(format!(
                        "it says `{}` of all its members at once, which is not understood",
                        String::from_utf8_lossy(key)
                    )),
                };
            }
            Extra::Name => b"path",
            Extra::Target => b"linkpath",
        };
        self.pax.insert(key.to_vec(), text(collected));
        Ok(())
    }

    fn member(&mut self, kind: u8, header: &[u8], stored: u64, padding: u64) -> Result<(), String> {
        let mut pax = std::mem::take(&mut self.pax);
        let (kind, device) = match kind {
            b'0' | 0 | b'7' => (Kind::File, String::new()),
            b'1' => (Kind::HardLink, String::new()),
            b'2' => (Kind::Link, String::new()),
            b'5' => (Kind::Folder, String::new()),
            b'6' => (Kind::Special, "named pipe".to_owned()),
            b'3' | b'4' => {
                let word = if kind == b'3' { "character" } else { "block" };
                let (major, minor) = (number(&header[329..337])?, number(&header[337..345])?);
                (Kind::Special, format!("{word} device {major}:{minor}"))
            }
            other => {
                return Err(format!(
                    "a member of the unknown kind {:?}",
                    char::from(other)
                ));
            }
        };
        let sparse = pax.remove(&b"GNU.sparse.major"[..]).is_some();
        if pax
            .keys()
            .any(|key| key.starts_with(b"GNU.sparse.map") || key == b"GNU.sparse.numblocks")
        {
            return Err("a sparse member of an older form".to_owned());
        }
        let path = pax
            .remove(&b"GNU.sparse.name"[..])
            .or_else(|| pax.remove(&b"path"[..]))
            .unwrap_or_else(|| numbers::path(header));
        let target = pax
            .remove(&b"linkpath"[..])
            .unwrap_or_else(|| text(&header[157..257]));
        let of =
            |key: &[u8], from: &[u8]| pax.get(key).map_or_else(|| number(from), |it| decimal(it));
        let size = match (kind, pax.get(&b"GNU.sparse.realsize"[..])) {
            (Kind::File, Some(size)) => decimal(size)?,
            (Kind::File, None) => stored,
            _ => 0,
        };
        let member = Member {
            path,
            kind,
            size,
            mode: u32::try_from(number(&header[100..108])? & 0o7777).unwrap_or_default(),
            uid: of(b"uid", &header[108..116])?,
            gid: of(b"gid", &header[116..124])?,
            target,
            device,
            attributes: pax
                .into_iter()
                .filter(|(key, _)| key.starts_with(b"SCHILY."))
                .collect(),
        };
        // Some archivers give a link the size of what it leads to, and no bytes.
        let stored = if kind == Kind::File { stored } else { 0 };
        self.visitor.begin(&member);
        if stored == 0 {
            self.visitor.end();
            self.state = State::Header;
            return Ok(());
        }
        self.state = State::Body {
            left: stored,
            padding,
            sparse: sparse.then(|| Sparse::new(size)),
        };
        Ok(())
    }
}

fn shorter(left: u64, length: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(length)
}

fn decimal(digits: &[u8]) -> Result<u64, String> {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| "a number that is none".to_owned())
}

/// Records of an extended header: `length key=value\n`.
fn records(mut bytes: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, String> {
    let broken = || "an extended header is damaged".to_owned();
    let mut found = BTreeMap::new();
    while !bytes.is_empty() {
        let space = bytes
            .iter()
            .position(|byte| *byte == b' ')
            .ok_or_else(broken)?;
        let length = usize::try_from(decimal(&bytes[..space])?).map_err(|_| broken())?;
        let record = bytes.get(space + 1..length).ok_or_else(broken)?;
        let record = record.strip_suffix(b"\n").ok_or_else(broken)?;
        let equals = record
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(broken)?;
        found.insert(record[..equals].to_vec(), record[equals + 1..].to_vec());
        bytes = &bytes[length..];
    }
    Ok(found)
}
