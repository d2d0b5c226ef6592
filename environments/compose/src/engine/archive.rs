//! Small files out of a container, running or not.

use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use futures::StreamExt as _;
use phoenix_engine::environment::DriverError;

use super::{Engine, is_gone};

/// Most bytes that are read: a token or a certificate has far fewer.
const MOST: usize = 1024 * 1024;
const BLOCK: usize = 512;

impl Engine {
    /// The text of one file of a container; `None` when the file or the container is not there.
    ///
    /// # Errors
    /// When the engine does not answer, or what is there is no small file.
    pub async fn read_file(
        &self,
        container: &str,
        path: &str,
    ) -> Result<Option<String>, DriverError> {
        let doing = || format!("read {path} out of the container {container}");
        let options = DownloadFromContainerOptionsBuilder::new()
            .path(path)
            .build();
        let mut stream = Box::pin(
            self.docker
                .download_from_container(container, Some(options)),
        );
        let mut tar = Vec::new();
        while let Some(part) = stream.next().await {
            match part {
                Ok(bytes) if tar.len() + bytes.len() <= MOST => tar.extend_from_slice(&bytes),
                Ok(_) => return Err(DriverError::new(doing(), "it is larger than a megabyte")),
                Err(why) if is_gone(&why) => return Ok(None),
                Err(why) => return Err(DriverError::new(doing(), why)),
            }
        }
        let Some(content) = first_file(&tar) else {
            return Err(DriverError::new(doing(), "it is no file"));
        };
        String::from_utf8(content.to_vec())
            .map(Some)
            .map_err(|why| DriverError::new(doing(), why))
    }
}

/// Content of the first entry of a tar archive, if that is a regular file: the engine answers with an
/// archive of exactly what was asked for.
fn first_file(tar: &[u8]) -> Option<&[u8]> {
    let header = tar.get(..BLOCK)?;
    if !matches!(header[156], b'0' | 0) {
        return None;
    }
    let size = std::str::from_utf8(&header[124..135]).ok()?;
    let size = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).ok()?;
    tar.get(BLOCK..BLOCK + size)
}

#[cfg(test)]
mod tests {
    use super::first_file;

    #[test]
    fn the_first_entry_is_read_if_it_is_a_whole_file() {
        let mut tar = vec![0; 512];
        tar[124..135].copy_from_slice(b"00000000003");
        tar[156] = b'0';
        tar.extend_from_slice(b"pat");
        assert_eq!(first_file(&tar), Some(&b"pat"[..]));
        assert_eq!(first_file(&tar[..514]), None, "cut off");
        tar[156] = b'5';
        assert_eq!(first_file(&tar), None, "a folder");
        assert_eq!(first_file(b""), None);
    }
}
