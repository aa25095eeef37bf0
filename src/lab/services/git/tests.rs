use super::*;

fn files(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn names_are_those_that_git_gives() {
    let mut repository = Repository::default();
    let blob = repository.put(Kind::Blob, b"hello\n".to_vec());
    assert_eq!(blob, "ce013625030ba8dba906f756967f9e9ca394464a", "git hash-object of the same");
    assert_eq!(
        tree::write(&mut repository, &BTreeMap::new()),
        "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        "the empty tree"
    );
}

#[test]
fn what_one_packs_the_other_unpacks() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let (mut from, mut to) = (Repository::default(), Repository::default());
    let all = files(&[("README.md", "one\n"), ("deploy/app.yaml", "kind: Pod\n"), ("deploy-all", "x")]);
    let head = from.commit(&all, "first", now);
    let mut push = line(&format!("{NOTHING} {head} {BRANCH}\0 report-status\n")).into_bytes();
    push.extend(b"0000");
    push.extend(pack::write(from.objects.values()).0);
    let pushed = to.receive(&push).unwrap();
    assert_eq!((pushed.commit.as_str(), pushed.message.as_str(), &pushed.files), (head.as_str(), "first", &all));
    assert_eq!(to.head(), head);
    assert_eq!(to.receive(&push), Err("fetch first".into()), "the branch is further on");
}

#[test]
fn a_delta_copies_and_inserts() {
    // 5 bytes become 7: the first three of the base, then four of its own.
    assert_eq!(pack::applied(b"abcde", &[5, 7, 0b1001_0000, 3, 4, b'1', b'2', b'3', b'4']).unwrap(), b"abc1234");
    assert_eq!(pack::applied(b"abcd", &[5, 7]), None, "of another base");
}
