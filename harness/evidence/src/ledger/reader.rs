//! Reading a ledger back. A torn last line is what a kill leaves: it was acknowledged to nobody, so
//! it is dropped and said. Anything wrong before it is somebody's hand.

use std::path::Path;

use super::{Header, LedgerError, Line, OpLine, SCHEMA};
use crate::canary::CanarySpec;

/// A ledger as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerFile {
    /// Its first line.
    pub header: Header,
    /// Canaries, in the order of their declaration.
    pub specs: Vec<CanarySpec>,
    /// Operations, in order.
    pub ops: Vec<OpLine>,
    /// Bytes of a torn last line that were dropped; 0 when there was none.
    pub torn_bytes: usize,
}

/// Reads a ledger.
///
/// # Errors
/// When the file cannot be read, is from a newer schema, or a line in its middle is no ledger line.
pub fn read(path: &Path) -> Result<LedgerFile, LedgerError> {
    let name = path.display().to_string();
    let text = std::fs::read(path).map_err(|why| LedgerError::Read {
        path: name.clone(),
        why: why.to_string(),
    })?;
    let mut header = None;
    let (mut specs, mut ops, mut torn_bytes) = (Vec::new(), Vec::new(), 0);
    for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            torn_bytes = line.len();
            break;
        }
        let corrupt = |why: String| LedgerError::Corrupt {
            path: name.clone(),
            line: index + 1,
            why,
        };
        if header.is_none() {
            let found: Header =
                serde_json::from_slice(line).map_err(|why| corrupt(why.to_string()))?;
            if found.schema > SCHEMA {
                return Err(LedgerError::Newer {
                    path: name,
                    found: found.schema,
                });
            }
            header = Some(found);
            continue;
        }
        match serde_json::from_slice(line).map_err(|why| corrupt(why.to_string()))? {
            Line::Declared(spec) => specs.push(spec),
            Line::Op(op) => {
                let expected = ops.last().map_or(1, |last: &OpLine| last.seq + 1);
                if op.seq != expected {
                    return Err(corrupt(format!(
                        "sequence number {} where {expected} is due",
                        op.seq
                    )));
                }
                ops.push(op);
            }
        }
    }
    let header = header.ok_or(LedgerError::Corrupt {
        path: name,
        line: 1,
        why: "no header".to_owned(),
    })?;
    Ok(LedgerFile {
        header,
        specs,
        ops,
        torn_bytes,
    })
}
