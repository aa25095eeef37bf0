//! Every lint with what it has to find, and what it must let pass.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::{Checker, known_boxes};
use crate::config::Config;
use crate::playbook::{Library, Origin, Source};
use crate::script::load::Loader;
use crate::script::settings;

/// What is said of a whole playbook: each finding with its line and hints, in one line.
fn said(text: &str) -> Vec<String> {
    let nowhere = std::env::temp_dir().join("pb-no-such-folder");
    let loader = Loader::new(Library::new(&nowhere, &nowhere), settings::from_config(Arc::new(Config::default())));
    let checklist = Source { name: "c.tsv".into(), text: "id\ttext\nT5.1\tx\n".into(), origin: Origin::Embedded };
    let boxes: BTreeSet<String> = known_boxes(&checklist);
    let checker = Checker::new(&loader, boxes).expect("a checker");
    let source = Source { name: "p.rhai".into(), text: text.into(), origin: Origin::Embedded };
    let told = checker.playbook(&source, &["infra".to_string()]).findings.into_iter().map(|f| {
        let line = f.error.place.map_or(0, |p| p.line);
        format!("{line}: {} | {}", f.error.message, f.error.hints.join(" | "))
    });
    told.collect()
}

fn in_step(body: &str) -> String {
    format!("playbook(#{{ id: \"p\" }});\nstep(\"s\", #{{ on: \"none\" }}, |t| {{\n{body}\n}});")
}

/// In a step with this body just one thing is found, and it is said like this.
#[track_caller]
fn finds(body: &str, texts: &[&str]) {
    let found = said(&in_step(body));
    assert_eq!(found.len(), 1, "{body}: {found:#?}");
    for text in texts {
        assert!(found[0].contains(text), "{body}: {text:?} is not in {found:#?}");
    }
}

/// In a step with one of these bodies nothing is found.
#[track_caller]
fn lets_pass(bodies: &[&str]) {
    for body in bodies {
        let found = said(&in_step(body));
        assert!(found.is_empty(), "a false alarm: {body}: {found:#?}");
    }
}

/// Whether running a script really ends in a data race.
fn races(script: &str) -> bool {
    crate::host::testing::eval(script).err().is_some_and(|e| e.message.contains("while a method of it runs"))
}

#[test]
fn a_receiver_that_its_own_closure_captures() {
    for body in [
        "let x = [1]; x.filter(|i| x.contains(i));",
        "let x = [1]; let n = x.filter(|i| x.len() > i).len();",
        "let x = [1, 2]; if x.all(|i| i <= x.len()) { print(1); }",
    ] {
        assert!(races(body), "{body} runs");
        finds(body, &["3: \"x\" is used inside a closure", "data race", "let x2 = x"]);
    }
    for body in [
        "let x = [1]; let y = x; x.filter(|i| y.contains(i));",
        "let x = [1]; x.filter(|x| x > 0);",
        "let x = [1]; let y = [2].filter(|i| x.contains(i)); y.len();",
        "let x = #{ a: [1] }; let a = x.a; a.filter(|i| x.len() > i);",
        "let x = [1]; let z = x.len() + [3].filter(|i| x.contains(i)).len();",
        "let x = \"a\"; let y = x.split(\",\").filter(|i| i != \"\"); eventually(ms(9), || x.len());",
    ] {
        assert!(!races(body), "{body} races");
        lets_pass(&[body]);
    }
}

#[test]
fn a_race_is_found_wherever_the_receiver_is_really_locked() {
    // The chain's root alone matters, and only for what is called while it is locked.
    for body in [
        "let x = #{ a: [1] }; x.a.filter(|i| x.len() > i);",
        "let x = [[1]]; x[0].filter(|i| x.len() > i);",
        "let x = \"a,b\"; x.split(\",\").filter(|i| x.contains(i));",
        "let x = [1]; x.map(|i| i).filter(|i| x.contains(i));",
    ] {
        let found = said(&in_step(body)).iter().any(|f| f.contains("data race"));
        assert_eq!(found, races(body), "{body}");
    }
}

#[test]
fn constants_of_different_types_are_never_equal() {
    finds("if \"10\" == 10 { print(1); }", &["3: a string == a number", "silently never equal", "parse_int"]);
    finds("let b = [1] == \"x\"; print(b);", &["a list == a string"]);
    finds("let b = true != 1; print(b);", &["a bool != a number"]);
    lets_pass(&[
        "let b = 1 == 1.0; print(b);",
        "let x = 1; let b = `${x}` == \"1\"; print(b);",
        "let x = 10; let b = x == \"10\" || \"10\" == x; print(b);",
        "let b = #{} == #{ a: 1 } || [] == [1]; print(b);",
        "let b = ms(1) == duration(\"1ms\"); print(b);",
    ]);
}

#[test]
fn whole_numbers_divide_to_whole_numbers() {
    finds("let mb = 9500000 / 1000000; print(mb);", &["9500000 / 1000000 is 9", "9500000.0 / 1000000"]);
    lets_pass(&["let x = 10 / 5; print(x);", "let x = 10.0 / 4; print(x);", "let y = 9; let x = y / 2; print(x);"]);
}

#[test]
fn what_works_in_place_gives_nothing() {
    finds("let s = \" a\"; let y = s.trim(); print(y);", &["trim() works in place", "y.trim()"]);
    finds("let s = \"a\"; print(s.replace(\"a\", \"b\"));", &["replace() works in place"]);
    finds("let l = [2, 1]; for i in l.sort() { print(i); }", &["sort() works in place"]);
    finds("let s = \"a\"; if s.trim() == \"a\" { print(s); }", &["trim() works in place"]);
    lets_pass(&[
        "let s = \" a\"; s.trim(); print(s);",
        "let l = [2, 1]; l.sort(); l.reverse(); l.push(3); print(l);",
        "let m = #{ l: [] }; m.l.push(1); print(m);",
        "let s = regex::replace(\"a\", \"a\", \"b\"); print(s);",
        "let l = [2, 1]; if l.len() > 1 { l.sort(); } else { l.push(1) }",
        "let l = []; [1].map(|x| { let y = x; y += 1; y }); l.push(1)",
        "let l = []; for x in [1] { l.push(x) }",
        "let l = []; switch 1 { 1 => l.push(1), _ => () }",
    ]);
}

#[test]
fn an_expectation_needs_a_matcher() {
    finds("expect(1, \"one\");", &["without a matcher judges nothing", ".to_be(…)"]);
    finds("expect(1, \"one\").softly();", &["without a matcher"]);
    finds("eventually(ms(9), || expect(1, \"one\"));", &["without a matcher"]);
    lets_pass(&[
        "expect(1, \"one\").to_be(1);",
        "expect([], \"none\").or_none().softly().all(|x| x == 1);",
        "let e = expect(1, \"one\"); e.to_be(1);",
        "eventually(ms(9), || expect(1, \"one\").to_be(1));",
    ]);
    let helper = "playbook(#{ id: \"p\" });\nfn count(l) { expect(l.len(), \"count\") }\nstep(\"s\", #{ on: \"none\" }, |t| { count([]).to_be(0); });";
    assert_eq!(said(helper), [""; 0]);
}

#[test]
fn closures_kept_in_a_loop_share_its_variable() {
    finds("let fs = []; for i in 0..3 { fs.push(|| i); } parallel(fs);", &["share one \"i\"", "let own = i"]);
    finds("for i in 0..3 { finally(|| print(i)); }", &["share one \"i\""]);
    lets_pass(&[
        "let fs = []; for i in 0..3 { let own = i; fs.push(|| own); } parallel(fs);",
        "for i in 0..3 { print([1].map(|x| x + i)); }",
        "for i in 0..3 { eventually(ms(9), || expect(i, \"i\").to_be_at_least(0)); }",
        "let fs = []; let n = 1; for i in 0..3 { fs.push(|| n); } parallel(fs);",
        "let l = []; for i in 0..3 { l.push([1].map(|x| x + i)); } print(l);",
    ]);
}

#[test]
fn the_top_level_calls_no_host() {
    let step = "step(\"s\", #{ on: \"none\" }, |t| { expect(1).to_be(1); });";
    for call in ["sh::run(\"true\", [])", "kube(\"infra\").list(\"pods\")", "dns::lookup(\"localhost\")"] {
        let found = said(&format!("playbook(#{{ id: \"p\" }});\nlet x = {call};\n{step}"));
        assert_eq!(found.len(), 1, "{call}: {found:#?}");
        assert!(found[0].starts_with("2: ") && found[0].contains("host call"), "{found:?}");
        assert!(found[0].contains("move it into a step's closure"), "{found:?}");
    }
    for fine in [
        "fn kernel() { sh::run(\"uname\", [\"-r\"], #{ effect: \"read\" }).stdout }",
        "let limits = [duration(\"1s\"), ms(3)]; let big = size(\"1Gi\"); let j = json::parse(\"{}\");",
        "let look = || sh::run(\"true\", []);",
        "const N = 3; let names = [1, 2].map(|n| `x${n}`);",
    ] {
        assert_eq!(said(&format!("playbook(#{{ id: \"p\" }});\n{fine}\n{step}")), [""; 0], "{fine}");
    }
}

#[test]
fn functions_methods_and_modules_that_nobody_has() {
    finds("expekt(1);", &["there is no function \"expekt\"", "did you mean \"expect\"?"]);
    finds("[1].fliter(|x| x > 0);", &["there is no method \"fliter\"", "did you mean \"filter\"?"]);
    finds("json::pars(\"{}\");", &["there is no function \"json::pars\"", "did you mean \"json::parse\"?"]);
    finds("jsn::parse(\"{}\");", &["there is no module \"jsn\" here", "did you mean \"json\"?"]);
    finds("t.note();", &["step.note takes 1 argument", "gets 0", "there is step.note("]);
    finds("json::parse(\"{}\", 1, 2);", &["function \"json::parse\" takes"]);
    finds("let f = || 1; f();", &["\"f\" is a closure in a variable, not a function", "f.call(…)"]);
    lets_pass(&[
        "let f = || 1; f.call();",
        "let m = #{ f: |x| x + 1 }; m.f(1); m.f.call(2);",
        "let f = |x, y| x + y; f.curry(1).call(2);",
        "let g = Fn(\"ms\"); g.call(1); print(type_of(g)); debug(g);",
        "let x = \"aB\"; print(x.to_upper().to_lower().len() + x.index_of(\"B\")); if \"a\" in x { print(x[0]); }",
        "let l = [3, 1]; l.sort(|a, b| a - b); l.insert(0, 1); l.retain(|x| x > 1); print(l.reduce(|s, x| s + x, 0));",
        "let m = #{ a: 1 }; m.remove(\"a\"); print(m.keys()); print(m?.b ?? 3); for (x, i) in m.values() { print(i); }",
        "let n = 3; print(n.to_float().sqrt().floor().to_int()); print((1..4).contains(2)); print(parse_float(\"1.5\"));",
        "try { throw #{ message: \"x\" } } catch (err) { print(err.message); }",
        "let p = object(#{ status: #{ phase: \"x\" } }); print(p.status.phase); print(p?.spec?.x ?? 1); print(p.condition(\"Ready\"));",
        "let r = bgp::routes(ssh(\"edge-1\")); print(r.prefixes()); r.from(\"10.0.0.1\");",
        "for p in t.kube.list(\"pods\").filter(|p| p.ready()) { print(p.owner()); }",
    ]);
}

#[test]
fn functions_of_the_playbook_and_of_imports_are_known() {
    let text = "playbook(#{ id: \"p\" });\nfn twice(x) { x * 2 }\nfn own() { this.a + 1 }\nprivate fn hidden() { 1 }\n\
                step(\"s\", #{ on: \"none\" }, |t| { let m = #{ a: 1 }; expect(twice(2) + m.own() + hidden(), \"x\").to_be(7); });";
    assert_eq!(said(text), [""; 0]);
    let wrong = text.replace("twice(2)", "twice(2, 3)").replace("hidden()", "hiden()");
    let found = said(&wrong);
    assert!(found.iter().any(|f| f.contains("function \"twice\" takes 1 argument")), "{found:#?}");
}

#[test]
fn boxes_that_the_checklist_lacks() {
    let with = |id: &str| {
        said(&format!(
            "playbook(#{{ id: \"p\" }});\nstep(\"s\", #{{ on: \"none\", covers: [\"{id}\"] }}, |t| {{ expect(1).to_be(1); }});"
        ))
    };
    assert_eq!(with("T5.1"), [""; 0]);
    let found = with("T5.11");
    assert!(found.len() == 1 && found[0].starts_with("2: step \"s\" covers \"T5.11\""), "{found:?}");
    assert!(found[0].contains("did you mean \"T5.1\"?"), "{found:?}");
}

#[test]
fn the_embedded_playbooks_and_library_have_no_findings() {
    let nowhere = std::env::temp_dir().join("pb-no-such-folder");
    let loader = Loader::new(Library::new(&nowhere, &nowhere), settings::from_config(Arc::new(Config::default())));
    let checklist = loader.library.checklist(None).expect("a checklist");
    let checker = Checker::new(&loader, known_boxes(&checklist)).expect("a checker");
    let playbooks = loader.library.playbooks().expect("playbooks");
    assert!(playbooks.len() >= 3);
    let clusters = ["infra".to_string(), "apps".to_string()];
    for source in &playbooks {
        let findings = checker.playbook(source, &clusters).findings;
        assert!(findings.is_empty(), "{}: {findings:#?}", source.name);
    }
    for name in loader.library.stdlib_names() {
        let source = loader.library.stdlib(&name).expect("read").expect("there");
        let findings = checker.module(&source).findings;
        assert!(findings.is_empty(), "{name}: {findings:#?}");
    }
}

#[test]
fn options_of_host_calls_that_there_are_not() {
    finds(
        "t.kube.list(\"pods\", #{ lables: \"x\" });",
        &["3: cluster.list: there is no option \"lables\"", "did you mean \"labels\"?", "namespace"],
    );
    finds("dns::lookup(\"x\", #{ servr: \"y\" });", &["dns::lookup: there", "did you mean \"server\"?"]);
    finds("sh::run(\"x\", [], #{ chekc: false });", &["did you mean \"check\"?"]);
    finds("http(\"web\").get(\"/\", #{ header: #{} });", &["did you mean \"headers\"?"]);
    finds("t.kube.pod(#{ immage: \"x\" });", &["did you mean \"image\"?"]);
    lets_pass(&[
        "t.kube.label(\"pods\", \"a\", #{ any: \"x\" });",
        "t.kube.patch(\"pods\", \"a\", #{ spec: #{} }, #{ type: \"merge\" });",
        "t.metric(\"m\", #{ p50: 1, p99: 2 });",
        "t.metric(\"m\", 1, \"s\", #{ max: 3 });",
        "t.kube.apply(#{ kind: \"ConfigMap\" });",
        "let m = #{ list: |a, b| b }; m.list(\"x\", #{ anything: 1 });",
        "object(#{ a: 1 });",
    ]);
    let own =
        "playbook(#{ id: \"p\" });\nfn run(o) { o.x }\nstep(\"s\", #{}, |t| { expect(run(#{ x: 1 })).to_be(1); });";
    assert_eq!(said(own), [""; 0]);
}

#[test]
fn values_of_steps_and_names_that_there_are_not() {
    let with = |needs: &str, read: &str| {
        said(&format!(
            "playbook(#{{ id: \"p\" }});\nstep(\"push\", #{{}}, |t| {{ [1].filter(|n| {{ t.publish(\"digest\", n); true }}); }});\n\
             step(\"pull\", #{{ needs: [{needs}] }}, |t| {{ expect({read}, \"x\").to_be(1); }});"
        ))
    };
    assert_eq!(with("\"push\"", "t.value(\"p/push\", \"digest\")"), [""; 0]);
    assert_eq!(with("\"push\"", "t.value(`p/${\"push\"}`, \"digest\")"), [""; 0]);
    for (read, texts) in [
        ("t.value(\"p/pushh\", \"digest\")", ["there is no such step", "did you mean \"p/push\"?"]),
        ("t.value(\"push\", \"digest\")", ["there is no such step", "did you mean \"p/push\"?"]),
        ("t.value(\"p/push\", \"digset\")", ["publishes no \"digset\"", "did you mean \"digest\"?"]),
    ] {
        let found = with("\"push\"", read);
        assert!(found.len() == 1 && texts.iter().all(|text| found[0].contains(text)), "{read}: {found:#?}");
        assert!(found[0].starts_with("3: "), "{found:#?}");
    }
    let found = with("", "t.value(\"p/push\", \"digest\")");
    assert!(found.len() == 1 && found[0].contains("needs: [\"push\"] in the options of \"pull\""), "{found:#?}");
    // What one step reads is no business of another that has closures too.
    let third = "playbook(#{ id: \"p\" });\nstep(\"a\", #{}, |t| { t.publish(\"n\", 1); });\n\
                 step(\"b\", #{ needs: [\"a\"] }, |t| { expect([1].map(|x| t.value(\"p/a\", \"n\"))).to_be([1]); });\n\
                 step(\"c\", #{}, |t| { expect([1].map(|x| x)).to_be([1]); });";
    assert_eq!(said(third), [""; 0]);
    // A name that is computed may be any.
    let computed = "playbook(#{ id: \"p\" });\nstep(\"a\", #{}, |t| { t.publish(`x${1}`, 1); });\n\
                    step(\"b\", #{ needs: [\"a\"] }, |t| { t.value(\"p/a\", \"x1\"); });";
    assert_eq!(said(computed), [""; 0]);
}

#[test]
fn needs_of_other_playbooks() {
    let with = |need: &str| {
        said(&format!(
            "playbook(#{{ id: \"p\" }});\nstep(\"a\", #{{ needs: [\"{need}\"] }}, |t| {{ expect(1).to_be(1); }});"
        ))
    };
    assert_eq!(with("t5/bgp-sessions"), [""; 0]);
    assert_eq!(with("t5/bgp-sessions@infra"), [""; 0]);
    let found = with("t5/bgp-sesions");
    assert!(found.len() == 1 && found[0].contains("no such step | did you mean \"t5/bgp-sessions\"?"), "{found:#?}");
    let found = with("t5x/bgp-sessions");
    assert!(found.len() == 1 && found[0].contains("no such playbook | did you mean \"t5\"?"), "{found:#?}");
}

#[test]
fn what_declares_belongs_to_the_top_level() {
    for (body, line) in [
        ("let x = setting(\"x\", 1, \"x\");", "3: setting(…) declares"),
        ("step(\"in\", #{}, |t| {});", "3: step(…) declares"),
        ("[1].filter(|n| { playbook(#{ id: \"q\" }); true });", "3: playbook(…) declares"),
    ] {
        finds(body, &[line, "top level"]);
    }
    let loops =
        "playbook(#{ id: \"p\" });\n[\"a\", \"b\"].for_each(|n| { step(n, #{}, |t| { expect(1).to_be(1); }); });";
    assert!(said(loops).iter().all(|f| !f.contains("top level")), "{:#?}", said(loops));
}

#[test]
fn constants_that_are_judged() {
    finds("expect(true, \"well\").to_be(true);", &["expect(true) judges a constant"]);
    finds("expect(()).to_be(());", &["expect(()) judges a constant"]);
    lets_pass(&["let well = true; expect(well, \"well\").to_be(true);", "expect([1].len() == 1).to_be(true);"]);
}

#[test]
fn properties_that_handles_do_not_have() {
    finds("let k = t.kub;", &["the step has no property \"kub\"", "did you mean \"kube\"?", "its properties are "]);
    finds("let k = t.kube; print(k.nam);", &["the cluster has no property \"nam\"", "did you mean \"name\"?"]);
    finds("eventually(ms(9), || t.kube.foo == 1);", &["the cluster has no property \"foo\""]);
    finds("let c = t.cluster(\"infra\"); print(c.kub);", &["the cluster of the step has no property \"kub\""]);
    finds("print(kube(\"infra\").list);", &["has no property \"list\"", "list is a method: .list(…)"]);
    lets_pass(&[
        "print(t.kube.name); print(t.clusters[0]); print(t.id.len());",
        "let t = #{ kub: 1 }; print(t.kub);",
        "let k = t.kube; k = #{ nam: 1 }; print(k.nam);",
        "let nodes = t.kube.list(\"nodes\"); print(nodes[0].whatever);",
        "let k = t.kube; [#{ nam: 1 }].all(|k| k.nam == 1);",
        "try { print(t.id); } catch (k) { print(k.anything); }",
        "let r = [1].map(|n| #{ kub: n }); for t in r { print(t.kub); }",
    ]);
    let guard = "playbook(#{ id: \"p\" });\nstep(\"s\", #{ guard: |g| g.kubee != () }, |t| { print(t.id); });";
    assert!(said(guard).len() == 1 && said(guard)[0].contains("\"kubee\""), "{:#?}", said(guard));
}

#[test]
fn names_that_are_near_to_variables() {
    finds("let list = [1]; expect(lst.len()).to_be(1);", &["Undefined variable: lst", "did you mean \"list\"?"]);
    finds("let list = [1]; lst(1);", &["no function \"lst\"", "did you mean the variable \"list\"?"]);
    let two = said(&in_step("print(gone); print(lost); print(gone);"));
    assert_eq!(two.len(), 2, "each name once, also in one line: {two:#?}");
}

#[test]
fn options_in_a_variable() {
    finds(
        "let o = #{ lables: \"a=b\" }; t.kube.list(\"pods\", o);",
        &["no option \"lables\"", "did you mean \"labels\"?"],
    );
    lets_pass(&[
        "let o = #{ labels: \"a=b\" }; t.kube.list(\"pods\", o);",
        "let o = #{ lables: \"a=b\" }; o.remove(\"lables\"); t.kube.list(\"pods\", o);",
        "let o = #{ lables: 1 }; o = #{}; t.kube.list(\"pods\", o);",
        "let o = #{ lables: 1 }; print(o.lables); if true { let o = #{}; t.kube.list(\"pods\", o); }",
        "let o = #{ lables: 1 }; print(o.lables); [#{}].all(|o| t.kube.list(\"pods\", o).len() == 1);",
    ]);
}

#[test]
fn the_value_of_a_catch_block() {
    let lost = &["3: the value of a catch block is lost", "let found = ();"];
    finds("let v = [1].map(|n| { try { throw \"a\"; } catch (e) { \"caught\" } }); print(v);", lost);
    lets_pass(&[
        "let v = [1].map(|n| { let w = 0; try { w = n; } catch (e) { w = 2; } w }); print(v);",
        "[1].map(|n| { try { throw \"a\"; } catch (e) { return \"caught\"; } });",
        "[1].map(|n| { try { throw \"a\"; } catch (e) { 1 + 1; // no value\n } });",
        "[1].map(|n| { try { throw \"a\"; } catch (e) { t.note(`${e}`) } });",
        "[1].map(|n| { try { throw \"a\"; } catch (e) { } });",
        "try { throw \"a\"; } catch (e) { t.note(`${e}`) }",
    ]);
    let function = |body: &str| format!("fn f() {{ {body} }}\n{}", in_step("print(f());"));
    let found = said(&function("try { throw \"a\"; } catch (e) { \"caught\" }"));
    assert!(found.len() == 1 && found[0].contains("the value of a catch block is lost"), "{found:#?}");
    assert_eq!(said(&function("try { throw \"a\"; } catch (e) { return \"caught\"; }")), [""; 0]);
    // And so it is.
    let gives = |script: &str| crate::host::testing::eval(script).expect("it runs").is_unit();
    assert!(gives("fn f() { try { throw \"a\"; } catch (e) { \"caught\" } } f()"));
}

#[test]
fn settings_that_nothing_reads() {
    let with = |top: &str, body: &str| said(&in_step(body).replacen('\n', &format!("\n{top}\n"), 1));
    let found = with("let n = setting(\"n\", 1, \"it\");", "print(1);");
    assert!(found.len() == 1 && found[0].starts_with("2: nothing reads the setting \"n\""), "{found:#?}");
    for (top, body) in [
        ("let n = setting(\"n\", 1, \"it\");", "print(`it is ${n}`);"),
        ("let n = setting(\"n\", 1, \"it\");", "[1].map(|x| x + n);"),
        ("let n = setting(\"n\", 1, \"it\"); let m = n + 1;", "print(m);"),
        ("let n = setting(\"n\", 1, \"it\");", "print(t.cluster(\"infra\").setting(\"n\"));"),
        ("let _n = setting(\"n\", 1, \"it\");", "print(1);"),
        ("setting(\"n\", 1, \"it\");", "print(1);"),
    ] {
        assert_eq!(with(top, body), [""; 0], "{top} {body}");
    }
}

#[test]
fn a_variable_between_double_quotes_is_told() {
    finds(
        "let space = \"a\"; expect(space.len(), \"pods of ${space} here\").to_be_at_least(1);",
        &["\"… ${space…} …\" in double quotes is not filled in", "write it between backticks: `… ${space…} …`"],
    );
    let shell =
        "expect(sh::run(\"sh\", [\"-c\", \"echo ${HOME}\"], #{ effect: \"read\" }).code, `code of ${t.id}`).to_be(0);";
    assert_eq!(said(&in_step(shell)), Vec::<String>::new());
}
