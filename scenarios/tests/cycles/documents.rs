//! A document that is wrong is told so.

use phoenix_claims::Status;

use crate::support::{cycle, shipped_document};

const SHORT: &str = "
scenario: short
steps:
  - seed: { canaries: 6, pairs: 4 }
  - backup: all
  - destroy: all
  - rebuild: all
  - restore: all
  - check: [health, login, survival, fingerprint]
";

#[test]
fn a_gap_that_is_deleted_is_undocumented() {
    let document = shipped_document();
    let from = document.find("#### S3 Uploads").expect("the gap");
    let to = from
        + document[from..]
            .find("#### Encryption Keys")
            .expect("the next gap");
    let without = format!("{}{}", &document[..from], &document[to..]);
    let ran = cycle(SHORT, "today", &without);
    assert_eq!(ran.exit(), 1);
    let register = ran.view.register.as_ref().expect("a register");
    assert!(register.lines_of(Status::Undocumented).count() > 0);
}

#[test]
fn a_claim_that_uploads_are_backed_up_is_broken() {
    let document = shipped_document();
    let from = document.find("#### S3 Uploads").expect("the gap");
    let to = from
        + document[from..]
            .find("#### Encryption Keys")
            .expect("the next gap");
    let mut lying = format!("{}{}", &document[..from], &document[to..]);
    let row = lying.find("| Database backups").expect("a row");
    lying.insert_str(
        row,
        "| Uploads are backed up <!-- phoenix: gap-s3-uploads --> | ✅ | |\n",
    );
    let ran = cycle(SHORT, "today", &lying);
    assert_eq!(ran.exit(), 1);
    let register = ran.view.register.as_ref().expect("a register");
    let line = register.line_of("gap-s3-uploads").expect("the claim");
    assert_eq!(line.status, Status::Broken);
}
