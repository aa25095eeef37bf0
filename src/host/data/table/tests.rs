//! Tables as the tools print them.

use super::*;

fn table(text: &str) -> Vec<Vec<(String, String)>> {
    rows(text, &How::default()).unwrap()
}

fn cell<'a>(row: &'a [(String, String)], key: &str) -> &'a str {
    &row.iter().find(|(k, _)| k == key).unwrap_or_else(|| panic!("no column {key} in {row:?}")).1
}

const PODS: &str = "\
NAMESPACE     NAME                          READY   STATUS             RESTARTS      AGE    IP            NODE       NOMINATED NODE   READINESS GATES
kube-system   coredns-74ff55c5b-2xgq8       1/1     Running            0             3d2h   10.42.0.2     infra-01   <none>           <none>
web           shop-5d8c7f9b4-abcde          0/1     CrashLoopBackOff   17 (2m ago)   64m                  infra-02   <none>           1/1";

#[test]
fn kubectl_wide_with_an_empty_cell_and_spaces_in_values() {
    let rows = table(PODS);
    assert_eq!(rows.len(), 2);
    assert_eq!(cell(&rows[1], "restarts"), "17 (2m ago)");
    assert_eq!(cell(&rows[1], "ip"), "");
    assert_eq!(cell(&rows[1], "node"), "infra-02");
    assert_eq!(cell(&rows[1], "nominated_node"), "<none>");
    assert_eq!(cell(&rows[1], "readiness_gates"), "1/1");
    assert_eq!(cell(&rows[0], "name"), "coredns-74ff55c5b-2xgq8");
}

const OSD_TREE: &str = "\
ID  CLASS  WEIGHT   TYPE NAME         STATUS  REWEIGHT  PRI-AFF
-1         0.29306  root default
-3         0.09769      host infra-01
 0    ssd  0.09769          osd.0         up   1.00000  1.00000
-5         0.09769      host infra-02
 1    ssd  0.09769          osd.1       down         0  1.00000";

#[test]
fn ceph_osd_tree_with_right_aligned_and_indented_values() {
    let rows = table(OSD_TREE);
    assert_eq!(rows.len(), 5);
    assert_eq!(
        (cell(&rows[0], "id"), cell(&rows[0], "class"), cell(&rows[0], "type_name")),
        ("-1", "", "root default")
    );
    assert_eq!(cell(&rows[1], "type_name"), "host infra-01");
    assert_eq!(
        (cell(&rows[2], "class"), cell(&rows[2], "type_name"), cell(&rows[2], "status")),
        ("ssd", "osd.0", "up")
    );
    assert_eq!(
        (cell(&rows[4], "status"), cell(&rows[4], "reweight"), cell(&rows[4], "pri_aff")),
        ("down", "0", "1.00000")
    );
}

const CEPH_DF: &str = "\
--- RAW STORAGE ---
CLASS     SIZE    AVAIL     USED  RAW USED  %RAW USED
ssd    300 GiB  281 GiB   19 GiB    19 GiB       6.33
TOTAL  300 GiB  281 GiB   19 GiB    19 GiB       6.33

--- POOLS ---
POOL              ID  PGS   STORED  OBJECTS     USED  %USED  MAX AVAIL
.mgr               1    1  577 KiB        2  1.7 MiB      0     87 GiB
ceph-blockpool     2   32  6.1 GiB    1.77k   18 GiB   6.55     87 GiB
";

#[test]
fn one_of_several_tables_is_named_by_the_line_above() {
    let how = |after: &str| How { after: Some(after.into()), ..How::default() };
    let raw = rows(CEPH_DF, &how("RAW STORAGE")).unwrap();
    assert_eq!(raw.len(), 2);
    assert_eq!(
        (cell(&raw[0], "size"), cell(&raw[0], "raw_used"), cell(&raw[0], "raw_used_2")),
        ("300 GiB", "19 GiB", "6.33")
    );
    let pools = rows(CEPH_DF, &how("POOLS")).unwrap();
    assert_eq!((cell(&pools[1], "pool"), cell(&pools[1], "id"), cell(&pools[1], "pgs")), ("ceph-blockpool", "2", "32"));
    assert_eq!((cell(&pools[0], "used"), cell(&pools[0], "max_avail")), ("1.7 MiB", "87 GiB"));
    let error = rows(CEPH_DF, &How { skip: 1, ..How::default() }).unwrap_err();
    assert!(error.message.starts_with("line 6 follows a blank line"), "{error}");
    assert!(rows(CEPH_DF, &how("FILESYSTEMS")).unwrap_err().message.contains("no line contains"));
}

#[test]
fn flux_separates_by_tabs() {
    let text = "NAMESPACE  \tNAME       \tREVISION          \tSUSPENDED\tREADY\tMESSAGE                              \n\
                flux-system\tflux-system\tmain@sha1:1a2b3c4d\tFalse    \tTrue \tApplied revision: main@sha1:1a2b3c4d \t\n\
                web        \tshop       \t                  \tFalse    \tFalse\tdependency 'flux-system/a  b' is not ready";
    let rows = table(text);
    assert_eq!((cell(&rows[0], "ready"), cell(&rows[0], "message")), ("True", "Applied revision: main@sha1:1a2b3c4d"));
    assert_eq!((cell(&rows[1], "revision"), cell(&rows[1], "suspended")), ("", "False"));
    assert_eq!(cell(&rows[1], "message"), "dependency 'flux-system/a  b' is not ready");
}

#[test]
fn titles_one_space_apart_are_named() {
    let text = "\
Filesystem      Size  Used Avail Use% Mounted on
/dev/sda1        50G   20G   28G  42% /
tmpfs           7.8G     0  7.8G   0% /dev/shm";
    let columns = ["Filesystem", "Size", "Used", "Avail", "Use%", "Mounted on"].map(String::from).to_vec();
    let rows = rows(text, &How { columns: Some(columns), ..How::default() }).unwrap();
    assert_eq!((cell(&rows[0], "use"), cell(&rows[0], "mounted_on")), ("42%", "/"));
    assert_eq!(
        (cell(&rows[1], "used"), cell(&rows[1], "avail"), cell(&rows[1], "mounted_on")),
        ("0", "7.8G", "/dev/shm")
    );
    let wrong = How { columns: Some(vec!["Filesystem".into(), "Free".into()]), ..How::default() };
    assert!(super::rows(text, &wrong).unwrap_err().message.contains("no column \"Free\""));
}

#[test]
fn free_text_at_the_end_keeps_its_gaps_and_rows_may_be_short() {
    let rows = table("NAME   READY   MESSAGE\nweb    False   waiting for   something\nx");
    assert_eq!(cell(&rows[0], "message"), "waiting for  something");
    assert_eq!((cell(&rows[1], "name"), cell(&rows[1], "ready")), ("x", ""));
}

#[test]
fn what_is_no_table_is_never_an_empty_one() {
    for (text, said) in [
        ("", "the text is empty"),
        ("\n  \n", "the text is empty"),
        ("NAME   READY\n", "titles and no row"),
        ("No resources found in web namespace.", "titles and no row"),
    ] {
        let error = rows(text, &How::default()).unwrap_err();
        assert_eq!(error.kind, Kind::Unreadable);
        assert!(error.message.contains(said), "{error}");
    }
    assert!(rows("a\nb", &How { skip: 5, ..How::default() }).unwrap_err().message.contains("no line with titles"));
}

#[test]
fn a_value_that_runs_across_two_columns_is_an_error_with_its_line() {
    let error = rows("NAME  READY  AGE\naveryverylongname  1d", &How::default()).unwrap_err();
    assert!(error.message.starts_with("line 2 of the table cannot be split"), "{error}");
    let error = rows("NAME    READY\nx  y    True", &How::default()).unwrap_err();
    assert!(error.message.contains("both stand under \"NAME\""), "{error}");
}
