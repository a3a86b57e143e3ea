//! Chains, trees, files and what somebody with the database, but without the
//! key, can do to them.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::chain::{BrokenChain, ChainCheck, FIRST, hash_of};
use super::export::{self, Scope};
use super::file::{self, BrokenFile, Found};
use super::roots::{self, Head};
use super::verify::{Broken, Read, verify_all};
use super::{Actor, Line, SERVICE_CHAIN, append, keeper, retention};
use crate::clock::Timestamp;
use crate::db::hex;
use crate::execute;
use crate::keys::{Keys, Masters};
use crate::testing::{TestApp, at, on_every_engine, on_sqlite};

const MONDAY: &str = "2026-03-02T08:00:00Z";
const POLICE: &str = "u-78-police";

fn chain_of(count: i64) -> Vec<Line> {
    let mut previous = FIRST.to_owned();
    (1..=count)
        .map(|seq| {
            let mut line = Line {
                chain: "unit".into(),
                seq,
                at: Timestamp(seq * 1000),
                actor: "system".into(),
                act: "test.act".into(),
                object: format!("test/{seq}"),
                detail: String::new(),
                previous: previous.clone(),
                hash: String::new(),
            };
            line.hash = hash_of(&line);
            previous.clone_from(&line.hash);
            line
        })
        .collect()
}

fn check(lines: &[Line], head: (i64, &str)) -> Result<(), BrokenChain> {
    let mut check = ChainCheck::new("unit", None, BTreeMap::new())?;
    lines.iter().try_for_each(|line| check.push(line))?;
    check.finish(head)
}

#[test]
fn every_edit_removal_insertion_and_swap_of_a_chain_is_found() {
    let whole = chain_of(6);
    let head_hash = whole[5].hash.clone();
    let head = (6, head_hash.as_str());
    assert_eq!(check(&whole, head), Ok(()));
    for index in 0..6 {
        let mut edited = whole.clone();
        edited[index].detail = "x".into();
        assert!(check(&edited, head).is_err());
        let mut removed = whole.clone();
        removed.remove(index);
        assert!(check(&removed, head).is_err());
        let mut inserted = whole.clone();
        inserted.insert(index, whole[index].clone());
        assert!(check(&inserted, head).is_err());
        if index < 5 {
            let mut swapped = whole.clone();
            swapped.swap(index, index + 1);
            assert!(check(&swapped, head).is_err());
        }
    }
}

#[test]
fn a_root_holds_its_heads_in_their_places_and_no_others() {
    let heads: Vec<Head> = (0..13)
        .map(|number| Head {
            chain: format!("u-{number:02}"),
            seq: number,
            hash: hex(&[u8::try_from(number).unwrap(); 32]),
        })
        .collect();
    for size in 1..=heads.len() {
        let heads = &heads[..size];
        let root = roots::SignedRoot {
            seq: 1,
            at: Timestamp(0),
            size: i64::try_from(size).unwrap(),
            root: roots::root_over(heads),
            previous: FIRST.into(),
            standing: String::new(),
            hash: String::new(),
            signature: String::new(),
        };
        assert_eq!(roots::path_to(heads, size), None);
        for (position, head) in heads.iter().enumerate() {
            let path = roots::path_to(heads, position).unwrap();
            let place = u64::try_from(position).unwrap();
            assert!(root.holds(head, place, &path), "{size} {position}");
            assert!(!root.holds(head, place + 1, &path) || size == 1);
            let other = Head {
                seq: head.seq + 1,
                ..head.clone()
            };
            assert!(!root.holds(&other, place, &path));
            let mut longer = path.clone();
            longer.push(hex(&[0; 32]));
            assert!(!root.holds(head, place, &longer));
            for wrong in ["", "zz", "00"] {
                assert!(!root.holds(head, place, &[wrong.to_owned()]));
            }
        }
        for size in [i64::MIN, -1, 0, i64::MAX] {
            let root = roots::SignedRoot {
                size,
                ..root.clone()
            };
            assert!(!root.holds(&heads[0], 0, &[]));
        }
    }
}

async fn act(app: &TestApp, chain: &str, count: i64) {
    let mut tx = app.db.begin().await.unwrap();
    for number in 0..count {
        append(
            &mut tx,
            chain,
            app.clock.now(),
            &Actor::System,
            "test.act",
            &format!("test/{number}"),
            "n=1",
        )
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
}

async fn verified(app: &TestApp) -> Result<Read, Broken> {
    let mut tx = app.db.read().await.unwrap();
    verify_all(&mut tx, app.keys.journal_public())
        .await
        .unwrap()
}

/// The file of an export; an export that stops half-way gives what it wrote.
async fn exported(app: &TestApp, scope: Scope) -> Vec<u8> {
    let mut pieces = export::begin(app.app.clone(), scope);
    let mut bytes = Vec::new();
    while let Some(Ok(piece)) = pieces.recv().await {
        bytes.extend_from_slice(&piece);
    }
    bytes
}

fn checked(app: &TestApp, bytes: &[u8]) -> Result<Found, BrokenFile> {
    file::check(bytes, app.keys.journal_public())
}

#[tokio::test]
async fn heads_that_moved_are_gathered_once_and_each_root_names_the_one_before() {
    for app in on_every_engine(MONDAY).await {
        keeper::keep(&app).await.unwrap();
        let first = verified(&app).await.unwrap();
        assert_eq!(first.roots, 1);
        keeper::keep(&app).await.unwrap();
        assert_eq!(verified(&app).await.unwrap(), first, "nothing moved");
        act(&app, POLICE, 3).await;
        let mut tx = app.db.begin().await.unwrap();
        let gathered = roots::gather(&mut tx, &app.keys.journal, app.clock.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let root = gathered.root.unwrap();
        assert_eq!(
            (root.seq, root.size, gathered.contradicted.len()),
            (2, 1, 0)
        );
        assert!(root.is_signed_by(app.keys.journal_public()));
        let stranger = Keys::from_master(&[9; 32]);
        assert!(!root.is_signed_by(stranger.journal_public()));
        assert_eq!(verified(&app).await.unwrap().roots, 2);
    }
}

#[tokio::test]
async fn a_new_key_goes_on_where_the_former_signed_and_the_former_signs_nothing_after() {
    for app in on_every_engine(MONDAY).await {
        let first = Masters::only([1; 32]);
        let second = first.rotated([2; 32], app.clock.now());
        let (old, new) = (Keys::from_masters(&first), Keys::from_masters(&second));
        // Who got hold of the former key, and knows the newer's public half.
        let thief = Keys::from_masters(&Masters::only([2; 32]).rotated([1; 32], app.clock.now()));
        let gather = async |keys: &Keys| {
            act(&app, POLICE, 2).await;
            let mut tx = app.db.begin().await.unwrap();
            let gathered = roots::gather(&mut tx, &keys.journal, app.clock.now()).await;
            if gathered.is_ok() {
                tx.commit().await.unwrap();
            }
            gathered.map(|gathered| gathered.root.unwrap().seq)
        };
        let verify = async |keys: &Keys| {
            let mut tx = app.db.read().await.unwrap();
            verify_all(&mut tx, keys.journal_public()).await.unwrap()
        };
        gather(&old).await.unwrap();
        assert_eq!(verify(&new).await.unwrap().roots, 1);
        gather(&new).await.unwrap();
        let later = Keys::from_masters(&second.without_former());
        for keys in [&new, &later] {
            assert_eq!(verify(keys).await.unwrap().roots, 2);
        }
        assert_eq!(verify(&old).await, Err(Broken::Signature(2)));
        assert!(gather(&old).await.is_err(), "an old process signs no more");
        let forged = gather(&thief).await.unwrap();
        assert_eq!(verify(&new).await, Err(Broken::Signature(forged)));
        assert_eq!(verify(&later).await, Err(Broken::Signature(forged)));
    }
}

/// What somebody does who has the database, knows how hashes are made, and has
/// no key: a line is changed and everything after it is made to fit.
async fn rewrite(app: &TestApp, chain: &str, from: i64) {
    let mut tx = app.db.begin().await.unwrap();
    let lines = super::search::after(&mut tx, chain, 0, i64::MAX)
        .await
        .unwrap();
    let mut previous = FIRST.to_owned();
    for mut line in lines {
        if line.seq == from {
            line.actor = "officer/somebody-else".into();
        }
        line.previous.clone_from(&previous);
        line.hash = hash_of(&line);
        previous.clone_from(&line.hash);
        execute!(
            &mut tx,
            "update journal set actor = $3, previous = $4, hash = $5 where chain = $1 and seq = $2",
            chain,
            line.seq,
            &line.actor,
            &line.previous,
            &line.hash
        )
        .unwrap();
    }
    execute!(
        &mut tx,
        "update journal_heads set hash = $2 where chain = $1",
        chain,
        &previous
    )
    .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_chain_written_anew_is_found_in_the_database_in_a_file_and_by_the_next_gathering() {
    for app in on_every_engine(MONDAY).await {
        act(&app, POLICE, 5).await;
        keeper::keep(&app).await.unwrap();
        rewrite(&app, POLICE, 3).await;
        let found = verified(&app).await.unwrap_err();
        assert!(
            matches!(&found, Broken::Chain(BrokenChain::Rewritten(chain, _)) if chain == POLICE),
            "{found}"
        );
        // The service itself would write the file, and sign its end.
        let bytes = exported(&app, Scope::Chain(POLICE.into())).await;
        let found = checked(&app, &bytes).unwrap_err();
        assert!(
            matches!(found, BrokenFile::Chain(BrokenChain::Rewritten(..))),
            "{found}"
        );
        // Going on as if nothing were gets no new signature.
        act(&app, POLICE, 1).await;
        let mut tx = app.db.begin().await.unwrap();
        let gathered = roots::gather(&mut tx, &app.keys.journal, app.clock.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(gathered.contradicted, [POLICE]);
        assert_eq!(gathered.root, None);
    }
}

#[tokio::test]
async fn lines_cut_off_after_they_were_signed_are_missed() {
    for app in on_every_engine(MONDAY).await {
        act(&app, POLICE, 5).await;
        keeper::keep(&app).await.unwrap();
        let mut tx = app.db.begin().await.unwrap();
        let lines = super::search::after(&mut tx, POLICE, 0, i64::MAX)
            .await
            .unwrap();
        let kept = &lines[lines.len() - 3];
        execute!(
            &mut tx,
            "delete from journal where chain = $1 and seq > $2",
            POLICE,
            kept.seq
        )
        .unwrap();
        execute!(
            &mut tx,
            "update journal_heads set seq = $2, hash = $3 where chain = $1",
            POLICE,
            kept.seq,
            &kept.hash
        )
        .unwrap();
        tx.commit().await.unwrap();
        let found = verified(&app).await.unwrap_err();
        assert!(
            matches!(found, Broken::Chain(BrokenChain::Cut(..))),
            "{found}"
        );
        let bytes = exported(&app, Scope::Chain(POLICE.into())).await;
        assert!(matches!(checked(&app, &bytes), Err(BrokenFile::Cut(_))));
    }
}

#[tokio::test]
async fn roots_and_heads_that_are_tampered_with_are_found() {
    let app = on_sqlite(MONDAY).await;
    act(&app, POLICE, 2).await;
    keeper::keep(&app).await.unwrap();
    act(&app, POLICE, 2).await;
    keeper::keep(&app).await.unwrap();
    assert_eq!(verified(&app).await.unwrap().roots, 2);
    let mut tx = app.db.begin().await.unwrap();
    execute!(
        &mut tx,
        "update journal_leaves set hash = 'x' where root_seq = 2"
    )
    .unwrap();
    assert_eq!(
        verify_all(&mut tx, app.keys.journal_public())
            .await
            .unwrap(),
        Err(Broken::Tree(2))
    );
    drop(tx);
    let mut tx = app.db.begin().await.unwrap();
    execute!(
        &mut tx,
        "update journal_roots set at = at + 1 where seq = 2"
    )
    .unwrap();
    assert_eq!(
        verify_all(&mut tx, app.keys.journal_public())
            .await
            .unwrap(),
        Err(Broken::Signature(2))
    );
    drop(tx);
    let mut tx = app.db.begin().await.unwrap();
    execute!(
        &mut tx,
        "delete from journal_heads where chain = $1",
        POLICE
    )
    .unwrap();
    assert_eq!(
        verify_all(&mut tx, app.keys.journal_public())
            .await
            .unwrap(),
        Err(Broken::NoHead(POLICE.into()))
    );
}

/// Three years of a service in which something is done each month; gives how many
/// lines that were, none of them of POLICE.
async fn months_pass(app: &TestApp) -> usize {
    let mut months = 0;
    for days in (30..retention::DAYS).step_by(30) {
        app.clock.set(at(MONDAY).plus_minutes(days * 24 * 60));
        act(app, super::SERVICE_CHAIN, 1).await;
        keeper::keep(app).await.unwrap();
        months += 1;
    }
    months
}

async fn lines_of(app: &TestApp, chain: &str) -> Vec<Line> {
    let mut tx = app.db.read().await.unwrap();
    super::search::after(&mut tx, chain, i64::MIN, i64::MAX)
        .await
        .unwrap()
}

#[tokio::test]
async fn nothing_leaves_because_somebody_says_it_is_old() {
    for app in on_every_engine(MONDAY).await {
        act(&app, POLICE, 4).await;
        keeper::keep(&app).await.unwrap();
        months_pass(&app).await;
        let before = lines_of(&app, POLICE).await.len();
        // The lines' own column, and the roots', say so.
        let mut tx = app.db.begin().await.unwrap();
        execute!(&mut tx, "update journal set at = 0").unwrap();
        tx.commit().await.unwrap();
        keeper::keep(&app).await.unwrap();
        assert_eq!(lines_of(&app, POLICE).await.len(), before);
        let mut tx = app.db.begin().await.unwrap();
        execute!(&mut tx, "update journal_roots set at = 0 where seq > 1").unwrap();
        tx.commit().await.unwrap();
        keeper::keep(&app).await.unwrap_err();
        assert_eq!(lines_of(&app, POLICE).await.len(), before);
        verified(&app).await.unwrap_err();
    }
}

#[tokio::test]
async fn what_was_changed_does_not_leave_when_its_time_comes() {
    for app in on_every_engine(MONDAY).await {
        act(&app, super::SERVICE_CHAIN, 1).await;
        act(&app, POLICE, 4).await;
        keeper::keep(&app).await.unwrap();
        let mut tx = app.db.begin().await.unwrap();
        execute!(
            &mut tx,
            "update journal set actor = 'officer/other' where chain = $1 and seq = 2",
            POLICE
        )
        .unwrap();
        tx.commit().await.unwrap();
        months_pass(&app).await;
        let before = lines_of(&app, POLICE).await.len();
        app.clock
            .set(at(MONDAY).plus_minutes((retention::DAYS + 2) * 24 * 60));
        keeper::keep(&app).await.unwrap();
        assert_eq!(lines_of(&app, POLICE).await.len(), before);
        assert_eq!(
            verified(&app).await,
            Err(Broken::Chain(BrokenChain::Changed(POLICE.into(), 2)))
        );
        // Other chains let theirs leave; the roots that show the change stay.
        let mut tx = app.db.read().await.unwrap();
        let left = retention::checkpoint_of(&mut tx, super::SERVICE_CHAIN)
            .await
            .unwrap();
        let first = roots::list_after(&mut tx, 0, 1).await.unwrap();
        assert!(left.is_some());
        assert_eq!(first[0].seq, 1);
    }
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_lets_nothing_leave() {
    for app in on_every_engine(MONDAY).await {
        act(&app, POLICE, 4).await;
        keeper::keep(&app).await.unwrap();
        let before = lines_of(&app, POLICE).await.len();
        for minutes in 0..3 {
            let then = at(MONDAY).plus_minutes(10 * 365 * 24 * 60 + minutes);
            app.clock.set(then);
            act(&app, super::SERVICE_CHAIN, 1).await;
            keeper::keep(&app).await.unwrap();
        }
        assert_eq!(lines_of(&app, POLICE).await.len(), before);
        verified(&app).await.unwrap();
    }
}

/// Takes the roots after one out, with what they hold.
async fn forget_roots(app: &TestApp, after: i64) {
    let mut tx = app.db.begin().await.unwrap();
    execute!(
        &mut tx,
        "delete from journal_leaves where root_seq > $1",
        after
    )
    .unwrap();
    execute!(&mut tx, "delete from journal_roots where seq > $1", after).unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn roots_that_were_taken_out_are_missed_and_nothing_is_signed_in_their_place() {
    for kept in [0, 1] {
        for app in on_every_engine(MONDAY).await {
            for _ in 0..2 {
                act(&app, POLICE, 3).await;
                keeper::keep(&app).await.unwrap();
            }
            forget_roots(&app, kept).await;
            rewrite(&app, POLICE, 5).await;
            act(&app, POLICE, 1).await;
            let refused = keeper::keep(&app).await.unwrap_err().to_string();
            assert!(refused.contains("root 2 ("), "{refused}");
            // Nor is a file of it: what the keeper refuses nobody else signs.
            let file = exported(&app, Scope::Everything).await;
            assert!(checked(&app, &file).is_err());
            let mut tx = app.db.read().await.unwrap();
            let left = roots::list_after(&mut tx, 0, 9).await.unwrap();
            assert_eq!(left.len(), usize::try_from(kept).unwrap());
            drop(tx);
            // Whoever put an older database back says so by removing the memory.
            let mut tx = app.db.begin().await.unwrap();
            execute!(&mut tx, "delete from journal_standing").unwrap();
            execute!(
                &mut tx,
                "insert into journal_standing (chain, seq, hash)
                 select chain, seq, hash from journal_leaves"
            )
            .unwrap();
            tx.commit().await.unwrap();
            std::fs::remove_file(app.config.data_dir.join(super::memory::FILE)).unwrap();
            keeper::keep(&app).await.unwrap();
            // What is there but cannot be read is not taken for nothing.
            std::fs::write(app.config.data_dir.join(super::memory::FILE), "{").unwrap();
            keeper::keep(&app).await.unwrap_err();
        }
    }
}

#[tokio::test]
async fn no_chain_is_signed_anew_because_what_was_signed_of_it_is_gone() {
    // All roots but the newest; the leaves of one chain; these and its standing head.
    for how in 0..3 {
        for app in on_every_engine(MONDAY).await {
            act(&app, POLICE, 5).await;
            keeper::keep(&app).await.unwrap();
            act(&app, SERVICE_CHAIN, 2).await;
            keeper::keep(&app).await.unwrap();
            let mut tx = app.db.begin().await.unwrap();
            if how == 0 {
                execute!(&mut tx, "delete from journal_leaves where root_seq = 1").unwrap();
                execute!(&mut tx, "delete from journal_roots where seq = 1").unwrap();
            } else {
                execute!(
                    &mut tx,
                    "delete from journal_leaves where chain = $1",
                    POLICE
                )
                .unwrap();
            }
            if how == 2 {
                execute!(
                    &mut tx,
                    "delete from journal_standing where chain = $1",
                    POLICE
                )
                .unwrap();
            }
            tx.commit().await.unwrap();
            rewrite(&app, POLICE, 3).await;
            assert!(verified(&app).await.is_err(), "{how}");
            act(&app, POLICE, 1).await;
            // Refused whole where what was signed is gone; else the chain is left out.
            let kept = keeper::keep(&app).await;
            assert_eq!(kept.is_err(), how == 2, "{how}");
            let mut tx = app.db.read().await.unwrap();
            let held = roots::last_of(&mut tx, POLICE, i64::MAX).await.unwrap();
            assert!(held.is_none(), "signed anew: {how} {held:?}");
            drop(tx);
            let file = exported(&app, Scope::Everything).await;
            assert!(checked(&app, &file).is_err(), "{how}");
        }
    }
}

#[tokio::test]
async fn roots_do_not_begin_anew_where_lines_left_under_former_ones() {
    let app = on_sqlite(MONDAY).await;
    act(&app, POLICE, 4).await;
    keeper::keep(&app).await.unwrap();
    months_pass(&app).await;
    app.clock
        .set(at(MONDAY).plus_minutes((retention::DAYS + 2) * 24 * 60));
    keeper::keep(&app).await.unwrap();
    forget_roots(&app, 0).await;
    std::fs::remove_file(app.config.data_dir.join(super::memory::FILE)).unwrap();
    let refused = keeper::keep(&app).await.unwrap_err().to_string();
    assert!(refused.contains("no root is in the database"), "{refused}");
}

#[tokio::test]
async fn lines_leave_after_three_years_and_the_chain_can_still_be_checked() {
    for app in on_every_engine(MONDAY).await {
        act(&app, POLICE, 4).await;
        keeper::keep(&app).await.unwrap();
        let before = verified(&app).await.unwrap();
        let months = months_pass(&app).await;
        // A day after three years are over, nothing has left yet.
        app.clock
            .set(at(MONDAY).plus_minutes((retention::DAYS + 1) * 24 * 60));
        act(&app, POLICE, 2).await;
        keeper::keep(&app).await.unwrap();
        assert_eq!(
            verified(&app).await.unwrap().lines,
            before.lines + months + 2
        );
        app.clock.set(app.clock.now().plus_millis(1));
        keeper::keep(&app).await.unwrap();

        let mut tx = app.db.read().await.unwrap();
        let checkpoint = retention::checkpoint_of(&mut tx, POLICE)
            .await
            .unwrap()
            .unwrap();
        let lines = super::search::after(&mut tx, POLICE, 0, i64::MAX)
            .await
            .unwrap();
        drop(tx);
        let acts: Vec<&str> = lines.iter().map(|line| line.act.as_str()).collect();
        assert_eq!(acts, ["test.act", "test.act", "journal.purge"]);
        assert_eq!(lines[0].seq, checkpoint.through_seq + 1);
        assert_eq!(lines[0].previous, checkpoint.hash);
        assert!(verified(&app).await.unwrap().lines < before.lines + months);
        for scope in [Scope::Chain(POLICE.into()), Scope::Everything] {
            let bytes = exported(&app, scope).await;
            checked(&app, &bytes).unwrap();
        }
        keeper::keep(&app).await.unwrap();
        verified(&app).await.unwrap();

        // More cannot be made to have left than did.
        let mut tx = app.db.begin().await.unwrap();
        execute!(
            &mut tx,
            "update journal_checkpoints set through_seq = through_seq + 1, hash = $2 where chain = $1",
            POLICE,
            &lines[0].hash
        )
        .unwrap();
        assert_eq!(
            verify_all(&mut tx, app.keys.journal_public())
                .await
                .unwrap(),
            Err(Broken::Checkpoint(POLICE.into()))
        );
    }
}

/// One change to the entries or bytes of a file.
#[derive(Clone, Debug)]
enum Change {
    Delete(prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    CutAfter(prop::sample::Index),
    CutBytes(prop::sample::Index),
    Byte(prop::sample::Index, u8),
    Append(Vec<u8>),
}

fn any_change() -> impl Strategy<Value = Change> {
    use prop::sample::Index;
    prop_oneof![
        any::<Index>().prop_map(Change::Delete),
        (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Change::Repeat(one, other)),
        (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Change::Swap(one, other)),
        any::<Index>().prop_map(Change::CutAfter),
        any::<Index>().prop_map(Change::CutBytes),
        (any::<Index>(), 1..=255_u8).prop_map(|(at, by)| Change::Byte(at, by)),
        prop::collection::vec(any::<u8>(), 1..40).prop_map(Change::Append),
    ]
}

fn changed(bytes: &[u8], change: &Change) -> Vec<u8> {
    let mut entries: Vec<Vec<u8>> = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let count = entries.len();
    match change {
        Change::Delete(index) => {
            entries.remove(index.index(count));
        }
        Change::Repeat(from, to) => {
            let entry = entries[from.index(count)].clone();
            entries.insert(to.index(count + 1), entry);
        }
        Change::Swap(one, other) => entries.swap(one.index(count), other.index(count)),
        Change::CutAfter(index) => entries.truncate(index.index(count)),
        Change::CutBytes(index) => return bytes[..index.index(bytes.len())].to_vec(),
        Change::Byte(index, by) => {
            let mut bytes = bytes.to_vec();
            let place = index.index(bytes.len());
            bytes[place] ^= by;
            return bytes;
        }
        Change::Append(tail) => return [bytes, tail].concat(),
    }
    entries.concat()
}

#[tokio::test]
async fn whatever_is_changed_in_a_file_is_found() {
    let app = on_sqlite(MONDAY).await;
    for _ in 0..3 {
        act(&app, POLICE, 4).await;
        act(&app, "service", 2).await;
        keeper::keep(&app).await.unwrap();
    }
    for scope in [Scope::Everything, Scope::Chain(POLICE.into())] {
        let whole = exported(&app, scope).await;
        let found = checked(&app, &whole).unwrap();
        assert!(found.lines > 10 && found.roots >= 1, "{found:?}");
        let stranger = Keys::from_master(&[9; 32]);
        assert!(file::check(whole.as_slice(), stranger.journal_public()).is_err());
        let cases = Config {
            cases: 2000,
            failure_persistence: None,
            ..Config::default()
        };
        TestRunner::new(cases)
            .run(&any_change(), |change| {
                let bytes = changed(&whole, &change);
                prop_assert!(bytes == whole || checked(&app, &bytes).is_err());
                Ok(())
            })
            .unwrap();
    }
}

#[tokio::test]
async fn a_file_that_is_none_is_refused() {
    let app = on_sqlite(MONDAY).await;
    for bytes in [
        &b""[..],
        b"\n",
        b"{}\n",
        b"\xff\xfe\n",
        b"{\"type\":\"end\",\"entries\":0,\"hash\":\"\",\"signature\":\"\"}\n",
        b"{\"type\":\"journal\",\"version\":2,\"at\":0,\"every_root\":true}\n",
    ] {
        assert!(checked(&app, bytes).is_err());
    }
}

#[tokio::test]
async fn appends_of_different_units_do_not_wait_for_each_other() {
    for app in on_every_engine(MONDAY).await {
        // SQLite has one writer at a time by its nature.
        if app.db.engine() == "sqlite" {
            continue;
        }
        let mut police = app.db.begin().await.unwrap();
        super::lock(&mut police, POLICE).await.unwrap();
        // The other unit commits while the first still holds its own lock; were
        // there one lock for both, this would wait for ever.
        act(&app, "u-78-gendarmerie", 3).await;
        police.commit().await.unwrap();
        app.journal_holds().await;
    }
}
