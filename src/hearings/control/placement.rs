//! On which media node a room lives: a pure rule. A room stays where it is as
//! long as it can; otherwise the ready node with the most room takes it.

/// What is agreed about a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Takes rooms.
    Ready,
    /// Takes no new ones, and keeps its own for as long as nobody else can.
    Draining,
    /// Not heard for too long.
    Lost,
}

/// A node, as the rule sees it.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is agreed about it.
    pub standing: Standing,
    /// Whether this process can reach it now, and so can the pages it serves.
    pub reachable: bool,
    /// Whether it had no place for this room a moment ago.
    pub refuses: bool,
    /// Rooms it was given.
    pub rooms: usize,
    /// Its workers.
    pub workers: usize,
    /// What its least busy worker does of its time, from 0 to 1.
    pub load: f32,
}

/// A worker above this takes no new room (the node says so itself); it is not asked.
const BUSY: f32 = 0.8;

/// The node that a room should move to; none when it stays where it is, or
/// when there is no place for it anywhere.
#[must_use]
pub fn better<'a>(present: Option<&str>, nodes: &[Node<'a>]) -> Option<&'a str> {
    let stays = nodes.iter().any(|node| {
        Some(node.name) == present && node.standing == Standing::Ready && !node.refuses
    });
    if stays {
        return None;
    }
    nodes
        .iter()
        .filter(|node| Some(node.name) != present)
        .filter(|node| {
            node.standing == Standing::Ready && node.reachable && !node.refuses && node.load <= BUSY
        })
        .min_by(|one, other| {
            let share = |node: &Node<'_>| node.rooms as f64 / node.workers.max(1) as f64;
            share(one)
                .total_cmp(&share(other))
                .then(one.load.total_cmp(&other.load))
                .then(one.name.cmp(other.name))
        })
        .map(|node| node.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &'static str) -> Node<'static> {
        Node {
            name,
            standing: Standing::Ready,
            reachable: true,
            refuses: false,
            rooms: 0,
            workers: 1,
            load: 0.0,
        }
    }

    fn check(present: Option<&str>, nodes: &[Node<'static>], expected: Option<&str>) {
        assert_eq!(better(present, nodes), expected, "{present:?} {nodes:#?}");
    }

    #[test]
    fn a_new_room_goes_where_there_is_most_room_for_each_worker() {
        let busy = Node {
            rooms: 9,
            ..node("a")
        };
        let large = Node {
            rooms: 16,
            workers: 8,
            ..node("b")
        };
        check(None, &[busy.clone(), large.clone()], Some("b"));
        check(None, &[node("a"), node("b")], Some("a"));
        let loaded = Node {
            load: 0.5,
            ..node("a")
        };
        check(None, &[loaded, node("b")], Some("b"));
        check(None, &[], None);
    }

    #[test]
    fn a_room_stays_where_it_is() {
        let crowded = Node {
            rooms: 500,
            load: 0.95,
            ..node("a")
        };
        check(Some("a"), &[crowded, node("b")], None);
        // Out of this process's reach, but another one hears it.
        let far = Node {
            reachable: false,
            ..node("a")
        };
        check(Some("a"), &[far, node("b")], None);
    }

    #[test]
    fn it_leaves_a_node_that_drains_is_lost_refuses_or_is_unknown_if_there_is_another() {
        let draining = Node {
            standing: Standing::Draining,
            ..node("a")
        };
        let lost = Node {
            standing: Standing::Lost,
            ..node("a")
        };
        let refusing = Node {
            refuses: true,
            ..node("a")
        };
        for former in [draining, lost, refusing] {
            check(Some("a"), &[former.clone(), node("b")], Some("b"));
            check(Some("a"), std::slice::from_ref(&former), None);
            check(
                Some("a"),
                &[
                    former.clone(),
                    Node {
                        load: 0.9,
                        ..node("b")
                    },
                ],
                None,
            );
            check(
                Some("a"),
                &[
                    former.clone(),
                    Node {
                        refuses: true,
                        ..node("b")
                    },
                ],
                None,
            );
            check(
                Some("a"),
                &[
                    former.clone(),
                    Node {
                        reachable: false,
                        ..node("b")
                    },
                ],
                None,
            );
            check(
                Some("a"),
                &[
                    former.clone(),
                    Node {
                        standing: Standing::Draining,
                        ..node("b")
                    },
                ],
                None,
            );
            check(None, &[former], None);
        }
        check(Some("gone"), &[node("b")], Some("b"));
    }
}
