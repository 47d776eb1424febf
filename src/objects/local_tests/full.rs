//! Full and read-only disks.

use super::*;

/// Where the test that runs itself again, with file systems of its own, finds them.
const OWN_MOUNTS: &str = "ATTACHLINK_TEST_OWN_MOUNTS";

/// Runs this very test in a mount namespace with a tmpfs of 1 MiB at `small` and a read-only one at `readonly`.
#[tokio::test]
async fn a_full_disk_and_a_read_only_one_are_told() {
    if let Some(dir) = std::env::var_os(OWN_MOUNTS) {
        let dir = PathBuf::from(dir);
        for way in [Way::Unnamed, Way::Named] {
            fills_up(&dir.join("small"), way).await;
        }
        let readonly = ObjectStore::local(&dir.join("readonly"), false).unwrap();
        assert!(matches!(readonly.ping().await, Err(ObjectError::Unavailable(_))));
        assert!(matches!(readonly.begin_upload(&key(1), None).await, Err(ObjectError::Unavailable(_))));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let script = "cd \"$ATTACHLINK_TEST_OWN_MOUNTS\" && mkdir small readonly && \
        mount -t tmpfs -o size=1m,nr_inodes=100 none small && mount -t tmpfs -o ro none readonly || exit 77; \
        exec \"$@\"";
    let ran = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "objects::local_tests::full::a_full_disk_and_a_read_only_one_are_told", "--nocapture"])
        .env(OWN_MOUNTS, dir.path())
        .output();
    match ran {
        Ok(ran) if ran.status.success() => {
            assert!(String::from_utf8_lossy(&ran.stdout).contains("1 passed"), "{ran:?}");
        }
        Ok(ran) if ran.status.code() == Some(101) => panic!("{ran:?}"),
        refused => println!("not run: no mount namespace can be had here ({refused:?})"),
    }
}

async fn fills_up(dir: &Path, way: Way) {
    let store = ObjectStore::local(dir, false).unwrap();
    let ObjectStore::Local(local) = &store else { unreachable!() };
    local.way.set(way).unwrap();
    let mut upload = store.begin_upload(&key(1), None).await.unwrap();
    let mut sent = 0;
    let error = loop {
        match upload.write(Bytes::from(vec![1; 100_000])).await {
            Ok(()) => sent += 100_000,
            Err(error) => break error,
        }
        assert!(sent < 5_000_000, "{way:?}");
    };
    assert!(matches!(error, ObjectError::Full), "{way:?}: {error:?}");
    assert!(upload.finish(NOW).await.is_err());

    // The last octets are written when it is finished: full there, too, and nothing is seen.
    let mut upload = begin_when_freed(&store).await;
    upload.write(Bytes::from(vec![1; 4 * 256 * 1024 - 1])).await.unwrap();
    let rest = fs::write(dir.join("filler"), vec![0; 200 * 1024]);
    let finished = upload.finish(NOW).await;
    assert!(matches!(finished, Err(ObjectError::Full)), "{way:?}: {finished:?} {rest:?}");
    assert!(matches!(store.stat(&key(1)).await, Err(ObjectError::NotFound)));
    fs::remove_file(dir.join("filler")).unwrap();

    // All of it is free again, and a full disk can still be read.
    let mut upload = begin_when_freed(&store).await;
    upload.write(Bytes::from(vec![1; 900 * 1024])).await.unwrap();
    let version = upload.finish(NOW).await.unwrap();
    let _ = fs::write(dir.join("filler"), vec![0; 1024 * 1024]);
    store.ping().await.unwrap();
    assert_eq!(whole(&store, &version).await.unwrap().len(), 900 * 1024);
    no_inodes_left(&store, dir).await;
    store.delete(&version.key).await.unwrap();
    fs::remove_file(dir.join("filler")).unwrap();
}

async fn no_inodes_left(store: &ObjectStore, dir: &Path) {
    let mut made = Vec::new();
    while fs::File::create(dir.join(format!("inode-{}", made.len()))).is_ok() {
        made.push(dir.join(format!("inode-{}", made.len())));
    }
    assert!(matches!(store.begin_upload(&key(1), None).await, Err(ObjectError::Full)));
    for path in made {
        fs::remove_file(path).unwrap();
    }
}

async fn begin_when_freed(store: &ObjectStore) -> Upload {
    let ObjectStore::Local(local) = store else { unreachable!() };
    for _ in 0..500 {
        let free = rustix::fs::fstatvfs(&local.root).unwrap().f_bavail * 4096;
        if free > 1000 * 1024 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    store.begin_upload(&key(1), None).await.unwrap()
}
