//! Multipart uploads.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use super::{BUCKET, Running, code, start};

const MIB: usize = 1 << 20;

async fn begin(running: &Running) -> String {
    let create = running
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("big");
    let created = create
        .content_type("video/mp4")
        .send()
        .await
        .expect("an upload");
    created.upload_id().expect("an id").to_owned()
}

async fn part(running: &Running, id: &str, number: i32, bytes: Vec<u8>) -> CompletedPart {
    let upload = running.client.upload_part().bucket(BUCKET).key("big");
    let upload = upload
        .upload_id(id)
        .part_number(number)
        .body(ByteStream::from(bytes));
    let done = upload.send().await.expect("a part");
    let part = CompletedPart::builder().part_number(number);
    part.e_tag(done.e_tag().expect("an etag")).build()
}

async fn complete(
    running: &Running,
    id: &str,
    parts: Vec<CompletedPart>,
) -> Result<String, String> {
    let parts = CompletedMultipartUpload::builder()
        .set_parts(Some(parts))
        .build();
    let complete = running
        .client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key("big");
    match complete.upload_id(id).multipart_upload(parts).send().await {
        Ok(done) => Ok(done.e_tag().unwrap_or_default().to_owned()),
        Err(why) => Err(code(&why)),
    }
}

#[tokio::test]
async fn parts_become_one_object_in_the_order_of_their_numbers() {
    let running = start(true).await;
    let id = begin(&running).await;
    let last = part(&running, &id, 7, b"the end".to_vec()).await;
    let replaced = part(&running, &id, 2, vec![1; 5 * MIB]).await;
    let first = part(&running, &id, 2, vec![2; 5 * MIB]).await;
    assert_eq!(
        complete(&running, &id, vec![replaced, last.clone()]).await,
        Err("InvalidPart".to_owned()),
        "a part that was uploaded again has another tag"
    );
    let etag = complete(&running, &id, vec![first, last])
        .await
        .expect("whole");
    assert!(etag.ends_with("-2\""), "{etag}");
    let head = running.client.head_object().bucket(BUCKET).key("big");
    let head = head.send().await.expect("head");
    assert_eq!(head.content_type(), Some("video/mp4"));
    assert_eq!(head.content_length(), Some((5 * MIB + 7) as i64));
    let get = running.client.get_object().bucket(BUCKET).key("big");
    let body = get
        .send()
        .await
        .expect("got")
        .body
        .collect()
        .await
        .expect("a body")
        .to_vec();
    assert!(body[..5 * MIB].iter().all(|byte| *byte == 2));
    assert_eq!(&body[5 * MIB..], b"the end");
    let left = running.folder.path().join("objects/uploads/uploads");
    assert_eq!(std::fs::read_dir(left).expect("a folder").count(), 0);
}

#[tokio::test]
async fn wrong_orders_small_parts_and_unknown_uploads_are_refused() {
    let running = start(false).await;
    let id = begin(&running).await;
    let one = part(&running, &id, 1, b"small".to_vec()).await;
    let two = part(&running, &id, 2, b"end".to_vec()).await;
    let refused = |parts| complete(&running, &id, parts);
    assert_eq!(
        refused(vec![two.clone(), one.clone()]).await,
        Err("InvalidPartOrder".to_owned())
    );
    assert_eq!(
        refused(vec![one.clone(), two]).await,
        Err("EntityTooSmall".to_owned())
    );
    let abort = running
        .client
        .abort_multipart_upload()
        .bucket(BUCKET)
        .key("big");
    abort.upload_id(&id).send().await.expect("aborted");
    assert_eq!(
        complete(&running, &id, vec![one]).await,
        Err("NoSuchUpload".to_owned())
    );
    assert_eq!(running.get("big", None).await, Err("NoSuchKey".to_owned()));
}
