//! The lab's clock, walked, jumped and run.

use std::sync::Mutex;

use super::*;

fn still() -> LabClock {
    LabClock::new("2026-01-01T00:00:00Z".parse().unwrap(), Pace::Still)
}

const MINUTE: Duration = Duration::from_secs(60);

/// A task that sleeps and then writes down its name and the clock's time.
fn sleeper(clock: &LabClock, seen: &Arc<Mutex<Vec<String>>>, name: &'static str, spans: &'static [u64]) {
    let (clock, seen) = (clock.clone(), seen.clone());
    tokio::spawn(async move {
        for span in spans {
            clock.sleep(Duration::from_secs(*span)).await;
            let at = clock.now().strftime("%M:%S").to_string();
            seen.lock().unwrap().push(format!("{name} {at}"));
        }
    });
}

#[tokio::test]
async fn a_walk_shows_each_sleeper_the_time_it_waited_for() {
    let (clock, seen) = (still(), Arc::default());
    sleeper(&clock, &seen, "slow", &[90]);
    sleeper(&clock, &seen, "again", &[40, 40, 40]);
    clock.walk(2 * MINUTE).await;
    assert_eq!(*seen.lock().unwrap(), ["again 00:40", "again 01:20", "slow 01:30", "again 02:00"]);
    assert_eq!(clock.now().to_string(), "2026-01-01T00:02:00Z");
    assert_eq!(clock.sleepers(), 0);
}

#[tokio::test]
async fn a_jump_wakes_in_order_at_the_time_after_it() {
    let (clock, seen) = (still(), Arc::default());
    sleeper(&clock, &seen, "late", &[50]);
    sleeper(&clock, &seen, "early", &[10, 100]);
    clock.settle().await;
    clock.jump(MINUTE);
    clock.settle().await;
    assert_eq!(*seen.lock().unwrap(), ["early 01:00", "late 01:00"]);
    assert_eq!(clock.sleepers(), 1, "the second sleep begins after the jump");
}

#[tokio::test]
async fn a_still_clock_wakes_nobody() {
    let clock = still();
    let (began, slept) = (clock.instant(), clock.sleep(Duration::from_millis(1)));
    let ended = tokio::time::timeout(Duration::from_millis(30), slept).await;
    assert!(ended.is_err());
    assert_eq!(clock.instant(), began);
    assert_eq!(clock.sleepers(), 0, "a sleep that was given up is forgotten");
}

#[tokio::test]
async fn a_rate_shortens_every_wait() {
    let clock = LabClock::new(Timestamp::UNIX_EPOCH, Pace::Rate(1000.0));
    let (began, really) = (clock.instant(), Instant::now());
    clock.sleep(10 * MINUTE).await;
    let passed = clock.instant() - began;
    assert!(passed >= 10 * MINUTE, "{passed:?}");
    assert!(really.elapsed() < Duration::from_secs(30), "ten minutes took {:?}", really.elapsed());
}

#[tokio::test]
async fn another_pace_counts_for_those_who_sleep_already() {
    let clock = still();
    let sleeping = tokio::spawn(clock.sleep(10 * MINUTE));
    tokio::task::yield_now().await;
    clock.set_pace(Pace::Rate(1e9));
    assert_eq!(clock.pace(), Pace::Rate(RATES.1), "the rate is bounded");
    tokio::time::timeout(Duration::from_secs(30), sleeping).await.unwrap().unwrap();
    clock.set_pace(Pace::Still);
    assert_eq!(clock.now(), clock.now());
}

#[test]
fn a_clock_that_is_dropped_ends_its_thread() {
    let clock = still();
    let weak = Arc::downgrade(&clock.shared);
    drop(clock);
    let until = Instant::now() + Duration::from_secs(5);
    while weak.upgrade().is_some() {
        assert!(Instant::now() < until, "the alarm thread keeps the clock");
        std::thread::sleep(Duration::from_millis(10));
    }
}
