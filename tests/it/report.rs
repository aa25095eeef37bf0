//! The JSON report of a real run, held to the schema that is published.

use crate::Test;
use crate::support::schema::problems;

#[test]
fn a_report_follows_the_published_schema() {
    let ran = Test::new()
        .playbook(
            r#"
setting("least", 3, "how many there are at least");
step("passes", #{ on: "none", covers: ["T3.4"], priority: "P0", if_fails: ["look"] }, |t| {
    t.note("a note"); t.metric("took", ms(1500), "s", #{ max: 2 }); t.evidence("seen", #{ a: 1 });
    t.metric("all", stats::summary([1, 2, 3]), "s");
    expect(1, "one").to_be(1);
});
step("fails", #{ on: "none" }, |t| { expect(#{ a: 1 }, "map").to_be(#{ a: 2 }); });
step("errs", #{ on: "none" }, |t| { t.warn("w"); finally(|| expect(1, "left").to_be(0)); expect(1).to_be(1); });
step("infinite", #{ on: "none" }, |t| { t.metric("rate", 1.0 / 0.0, "1"); });
step("needs", #{ on: "none", needs: ["fails"] }, |t| { expect(1).to_be(1); });
step("by-hand", #{ on: "none", manual: "look at it" });
"#,
        )
        .pb("run p.rhai --report json=report.json");
    let schema = include_str!("../../docs/report.schema.json");
    let schema = serde_json::from_str(schema).expect("a schema");
    let report = ran.json("report.json");
    assert_eq!(problems(&schema, &schema, &report, "$"), Vec::<String>::new());
    for (step, outcome) in [("passes", "passed"), ("fails", "failed"), ("errs", "failed"), ("needs", "blocked")] {
        assert_eq!(ran.outcome(&format!("p/{step}")), outcome, "{}", ran.both());
    }
    assert!(ran.reported("p/infinite")["message"].to_string().contains("the value is not a number (inf)"));
}
