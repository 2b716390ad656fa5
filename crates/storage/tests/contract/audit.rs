//! The chain of the history: lines get their places once, in order, and only beginnings
//! go.

use nightlatch_domain::audit::{ChainKey, Head, Salt};
use nightlatch_domain::event::EventKind;
use nightlatch_storage::audit::{self, Ends};
use nightlatch_storage::{StorageError, Tx, events, on_both_databases};

use super::rows::{at, event, id, write};

/// Every function that holds a statement, for the plans.
pub(super) fn run(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    let line = event(200, 1, EventKind::SessionEnded, None);
    events::add(tx, &line)?;
    let chain = ChainKey::of(line.organization_id);
    audit::list_unsealed(tx, at(1), 1)?;
    audit::seal(tx, line.id)?;
    let head = audit::lock_head(tx, chain)?;
    let link = head.append(&line, Salt::from_bytes([1; 16]));
    audit::append(tx, chain, line.id, &link)?;
    let head = head.follow(&link, Some(&line)).unwrap();
    audit::set_head(tx, chain, head)?;
    audit::find_ends(tx, chain)?;
    audit::list_behind(tx, chain, 0, 1)?;
    audit::list_chains_with_older(tx, at(9), 1)?;
    audit::delete_event(tx, line.id)?;
    audit::cut_beginning(tx, chain, head)
}

on_both_databases! {
    fn a_line_gets_its_place_once_on(store) {
        let line = event(1, 1_000, EventKind::SessionEnded, Some(id(1)));
        let added = line.clone();
        let sealed = write(store, move |tx| {
            events::add(tx, &added)?;
            let waiting = audit::list_unsealed(tx, at(0), 9)?.len();
            Ok((waiting, audit::seal(tx, added.id)?, audit::seal(tx, added.id)?, audit::list_unsealed(tx, at(0), 9)?.len()))
        });
        assert_eq!(sealed, (1, true, false, 0));
    }

    fn what_gathers_waits_and_gathers_no_more_once_it_has_its_place(store) {
        let failure = event(1, 1_000, EventKind::SignInFailed, Some(id(1)));
        let add = failure.clone();
        let (young, old) = write(store, move |tx| {
            events::add(tx, &add)?;
            Ok((audit::list_unsealed(tx, at(1_000), 9)?.len(), audit::list_unsealed(tx, at(1_001), 9)?.len()))
        });
        assert_eq!((young, old), (0, 1));
        let mut later = failure.clone();
        later.id = id(2);
        let gathered = write(store, move |tx| {
            let before = events::gather(tx, &later, at(0))?;
            audit::seal(tx, id(1))?;
            Ok((before, events::gather(tx, &later, at(0))?))
        });
        assert_eq!(gathered, (failure.client.address.is_some(), false));
    }

    fn a_chain_is_read_back_as_it_was_written(store) {
        let lines: Vec<_> = (1..=3).map(|number| event(number, 1_000, EventKind::SessionEnded, None)).collect();
        let chain = ChainKey::of(lines[0].organization_id);
        let written = lines.clone();
        let (links, ends, pages) = write(store, move |tx| {
            let mut head = audit::lock_head(tx, chain)?;
            assert_eq!(head, Head::BEGINNING);
            let mut links = Vec::new();
            for line in &written {
                events::add(tx, line)?;
                let link = head.append(line, Salt::from_bytes([line.id.to_bytes()[0]; 16]));
                audit::append(tx, chain, line.id, &link)?;
                head = head.follow(&link, Some(line)).unwrap();
                links.push(link);
            }
            audit::set_head(tx, chain, head)?;
            assert_eq!(audit::lock_head(tx, chain)?, head);
            let ends = audit::find_ends(tx, chain)?;
            assert_eq!(ends, Some(Ends { pruned: Head::BEGINNING, head }));
            let first = audit::list_behind(tx, chain, 0, 2)?;
            let second = audit::list_behind(tx, chain, 2, 2)?;
            Ok((links, ends, [first, second]))
        });
        assert!(ends.is_some());
        let read: Vec<_> = pages.iter().flatten().map(|chained| chained.link).collect();
        assert_eq!(read, links);
        let mut head = Head::BEGINNING;
        for chained in pages.iter().flatten() {
            head = head.follow(&chained.link, chained.event.as_ref()).unwrap();
        }
    }

    fn a_beginning_goes_with_its_lines(store) {
        let lines: Vec<_> = (1..=3).map(|number| event(number, 1_000, EventKind::SessionEnded, None)).collect();
        let chain = ChainKey::of(lines[0].organization_id);
        let left = write(store, move |tx| {
            let mut head = audit::lock_head(tx, chain)?;
            let mut first = head;
            for line in &lines {
                events::add(tx, line)?;
                let link = head.append(line, Salt::from_bytes([7; 16]));
                audit::append(tx, chain, line.id, &link)?;
                head = head.follow(&link, Some(line)).unwrap();
                if head.number == 1 {
                    first = head;
                }
            }
            audit::set_head(tx, chain, head)?;
            assert_eq!(audit::list_chains_with_older(tx, at(1_000), 9)?, []);
            assert_eq!(audit::list_chains_with_older(tx, at(1_001), 9)?, [chain]);
            assert_eq!(audit::delete_event(tx, lines[0].id)?, 1);
            audit::cut_beginning(tx, chain, first)?;
            assert_eq!(audit::find_ends(tx, chain)?, Some(Ends { pruned: first, head }));
            audit::list_behind(tx, chain, 0, 9)
        });
        let numbers: Vec<_> = left.iter().map(|chained| (chained.link.number, chained.event.is_some())).collect();
        assert_eq!(numbers, [(2, true), (3, true)]);
    }
}
