//! One participant of a call: joins the line, the peer connection and the rule
//! of recovery, as `web/src/call/call.ts` does for a page.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use signaling::protocol::{ClientMessage, MediaKind, RoomView, ServerMessage, Track};
use signaling::room_document::{ParticipantId, Place, RoomState};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use webrtc::peer_connection::RTCPeerConnectionState;

use crate::grant::Grants;
use crate::line::{FromLine, Line, Phase, ToLine};
use crate::peer::{FromPeer, Peer, Said, Speech};
use crate::recovery::{Received, Recovery, Step};
use crate::voice::Words;

/// How often what was received is looked at.
const WATCH_EVERY: Duration = Duration::from_millis(200);
/// A peer connection that is still not up after so long is tried afresh; each
/// next one is given twice as long, up to the last.
const SETTLED_WITHIN: Duration = Duration::from_millis(3500);
const SETTLED_WITHIN_MOST: Duration = Duration::from_secs(14);
/// How a participant is made.
pub struct Settings {
    /// Where its tokens come from.
    pub grants: Grants,
    /// Where its media starts from: `0.0.0.0:0` for every interface there is.
    pub bind: SocketAddr,
    /// How much it says.
    pub speech: Speech,
}

/// What a participant notices.
#[derive(Debug, Clone, PartialEq)]
pub enum Noticed {
    /// Where the line stands now.
    Phase(Phase),
    /// A message of the node.
    Message(ServerMessage),
    /// Somebody's packet.
    Heard {
        /// Who said it.
        from: ParticipantId,
        /// Voice or image.
        kind: MediaKind,
        /// What it says.
        words: Words,
    },
    /// The peer connection is up, or no longer.
    Connected(bool),
    /// A step of recovery was asked for.
    Asked(Step),
}

enum Wish {
    Say(ClientMessage),
    Hint,
    Reload,
}

/// A participant that lives on its own task.
pub struct Participant {
    wishes: mpsc::UnboundedSender<Wish>,
    noticed: mpsc::UnboundedReceiver<Noticed>,
    said: Arc<Said>,
    task: JoinHandle<()>,
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Participant {
    /// Joins, and stays until dropped.
    pub fn join(settings: Settings) -> Self {
        let (wishes, inbox) = mpsc::unbounded_channel();
        let (notice, noticed) = mpsc::unbounded_channel();
        let said = Arc::new(Said::default());
        let core = Core::new(settings, notice, Arc::clone(&said));
        Self {
            wishes,
            noticed,
            said,
            task: tokio::spawn(core.live(inbox)),
        }
    }

    /// The next thing noticed; none once the participant has ended.
    pub async fn next(&mut self) -> Option<Noticed> {
        self.noticed.recv().await
    }

    /// Says something on the line, if it stands.
    pub fn say(&self, message: ClientMessage) {
        let _ = self.wishes.send(Wish::Say(message));
    }

    /// Goes away on purpose.
    pub fn leave(&self) {
        self.say(ClientMessage::Leave {});
    }

    /// The system says that the network changed, as `online` tells a page.
    pub fn hint(&self) {
        let _ = self.wishes.send(Wish::Hint);
    }

    /// Forgets the line, the secret and the peer connection, as a page loaded anew.
    pub fn reload(&self) {
        let _ = self.wishes.send(Wish::Reload);
    }

    /// How many packets of a kind it has said.
    pub fn said(&self, kind: MediaKind) -> u64 {
        self.said.so_far(kind)
    }
}

struct Core {
    bind: SocketAddr,
    speech: Speech,
    said: Arc<Said>,
    notice: mpsc::UnboundedSender<Noticed>,
    line: mpsc::UnboundedSender<ToLine>,
    from_line: mpsc::UnboundedReceiver<FromLine>,
    to_us: mpsc::UnboundedSender<(u64, FromPeer)>,
    from_peer: mpsc::UnboundedReceiver<(u64, FromPeer)>,
    me: Option<ParticipantId>,
    room: Option<RoomView>,
    tracks: BTreeMap<String, Track>,
    peer: Option<Peer>,
    /// Which peer connection this is, so that a former one's last words are ignored.
    turn: u64,
    state: RTCPeerConnectionState,
    /// Whether the present connection ever stood: until then nothing is missing.
    was_up: bool,
    by_line: BTreeMap<String, u64>,
    seated: bool,
    recovery: Recovery,
    unsettled_since: Instant,
    settles_within: Duration,
}

impl Core {
    fn new(settings: Settings, notice: mpsc::UnboundedSender<Noticed>, said: Arc<Said>) -> Self {
        let (line, orders) = mpsc::unbounded_channel();
        let (news, from_line) = mpsc::unbounded_channel();
        let (to_us, from_peer) = mpsc::unbounded_channel();
        tokio::spawn(
            Line {
                grants: settings.grants,
                orders,
                news,
                resume: None,
            }
            .live(),
        );
        Self {
            bind: settings.bind,
            speech: settings.speech,
            said,
            notice,
            line,
            from_line,
            to_us,
            from_peer,
            me: None,
            room: None,
            tracks: BTreeMap::new(),
            peer: None,
            turn: 0,
            state: RTCPeerConnectionState::New,
            was_up: false,
            by_line: BTreeMap::new(),
            seated: false,
            recovery: Recovery::default(),
            unsettled_since: Instant::now(),
            settles_within: SETTLED_WITHIN,
        }
    }

    async fn live(mut self, mut inbox: mpsc::UnboundedReceiver<Wish>) {
        let mut watch = tokio::time::interval(WATCH_EVERY);
        loop {
            tokio::select! {
                news = self.from_line.recv() => match news {
                    Some(FromLine::Phase(phase)) => self.on_phase(phase),
                    Some(FromLine::Message(message)) => self.on_message(message).await,
                    // The line is over, and what it said of its end was told.
                    None => return,
                },
                Some((turn, news)) = self.from_peer.recv() => {
                    if turn == self.turn {
                        self.on_peer(news);
                    }
                }
                wish = inbox.recv() => match wish {
                    Some(Wish::Say(message)) => self.say(message),
                    Some(Wish::Hint) => {
                        self.recovery.suspect(Instant::now());
                        self.order(ToLine::Probe);
                    }
                    Some(Wish::Reload) => {
                        self.peer = None;
                        self.turn += 1;
                        self.order(ToLine::Forget);
                    }
                    None => return,
                },
                _ = watch.tick() => self.watch(),
            }
        }
    }

    fn tell(&self, noticed: Noticed) {
        // Whoever dropped the participant is ending this task.
        let _ = self.notice.send(noticed);
    }

    fn order(&self, order: ToLine) {
        // A line that is over is noticed by its last phase.
        let _ = self.line.send(order);
    }

    fn say(&self, message: ClientMessage) {
        self.order(ToLine::Say(message));
    }

    fn on_phase(&mut self, phase: Phase) {
        self.seated = phase == Phase::Seated;
        if self.seated {
            self.recovery.seated();
            self.say(ClientMessage::Media {
                audio: true,
                video: self.speech.packets_per_frame > 0,
            });
        }
        if let Phase::Over(_) = phase {
            self.peer = None;
            self.turn += 1;
        }
        self.tell(Noticed::Phase(phase));
        if self.seated {
            self.watch();
        }
    }

    async fn on_message(&mut self, message: ServerMessage) {
        match &message {
            ServerMessage::Joined { participant, .. } => self.me = Some(participant.clone()),
            ServerMessage::Waiting { participant, .. } => {
                self.me = Some(participant.clone());
                self.peer = None;
                self.turn += 1;
            }
            ServerMessage::Offer {
                negotiation,
                fresh,
                sdp,
                tracks,
            } => self.on_offer(*negotiation, *fresh, sdp, tracks).await,
            ServerMessage::State(room) => self.room = Some(room.clone()),
            _ => {}
        }
        self.tell(Noticed::Message(message));
    }

    async fn on_offer(
        &mut self,
        negotiation: u32,
        fresh: bool,
        sdp: &str,
        tracks: &BTreeMap<String, Track>,
    ) {
        let Some(me) = self.me.clone() else { return };
        self.tracks = tracks.clone();
        if fresh || self.peer.is_none() {
            self.peer = None;
            self.turn += 1;
            let turn = self.turn;
            let (news, mut from) = mpsc::unbounded_channel();
            let to_us = self.to_us.clone();
            tokio::spawn(async move {
                while let Some(news) = from.recv().await {
                    if to_us.send((turn, news)).is_err() {
                        return;
                    }
                }
            });
            self.state = RTCPeerConnectionState::New;
            self.was_up = false;
            self.unsettled_since = Instant::now();
            self.by_line.clear();
            let said = Arc::clone(&self.said);
            self.peer = Peer::new(&me, tracks, self.bind, self.speech, said, news)
                .await
                .ok();
        }
        let Some(peer) = &mut self.peer else { return };
        match peer.answer(sdp.to_owned()).await {
            Ok(sdp) => self.say(ClientMessage::Answer { negotiation, sdp }),
            // As a page whose browser refuses an offer: the rule of recovery sees
            // that nothing comes.
            Err(_) => self.peer = None,
        }
    }

    fn on_peer(&mut self, news: FromPeer) {
        match news {
            FromPeer::State(state) => {
                let before = self.state;
                self.state = state;
                self.tell(Noticed::Connected(
                    state == RTCPeerConnectionState::Connected,
                ));
                match state {
                    // The stack's own checks failed for a while: no need to wait
                    // for the rule, which sees only what should come.
                    RTCPeerConnectionState::Disconnected
                        if self.recovery.believes(Instant::now()) =>
                    {
                        self.ask(Step::Ice);
                    }
                    RTCPeerConnectionState::Connected => {
                        self.was_up = true;
                        self.settles_within = SETTLED_WITHIN;
                    }
                    RTCPeerConnectionState::Failed if before != state => self.ask(Step::Fresh),
                    _ => {}
                }
            }
            FromPeer::Packet {
                track,
                kind,
                bytes,
                words,
            } => {
                let Some(mid) = self.peer.as_ref().and_then(|peer| peer.line(&track)) else {
                    return;
                };
                *self.by_line.entry(mid.to_owned()).or_default() += bytes as u64;
                if let (Some(line), Some(words)) = (self.tracks.get(mid), words) {
                    let from = line.participant.clone();
                    self.tell(Noticed::Heard { from, kind, words });
                }
            }
        }
    }

    /// The received lines on which something should come just now.
    fn expected(&self) -> BTreeMap<String, MediaKind> {
        let Some(room) = &self.room else {
            return BTreeMap::new();
        };
        if room.state != RoomState::Open || room.place == Place::Waiting {
            return BTreeMap::new();
        }
        self.tracks
            .iter()
            .filter(|(_, line)| {
                room.hears.contains(&line.participant)
                    && room.participants.iter().any(|other| {
                        other.participant == line.participant
                            && other.connected
                            && !other.silent.contains(&line.kind)
                            && match line.kind {
                                MediaKind::Audio => other.audio,
                                // What the node holds back is not missing.
                                MediaKind::Video => other.video && !room.narrow,
                                // A shared screen may well stand still.
                                MediaKind::Screen => false,
                            }
                    })
            })
            .map(|(mid, line)| (mid.clone(), line.kind))
            .collect()
    }

    fn watch(&mut self) {
        let now = Instant::now();
        let settled = matches!(
            self.state,
            RTCPeerConnectionState::Connected | RTCPeerConnectionState::Disconnected
        );
        if settled || !self.seated {
            self.unsettled_since = now;
        } else if now.duration_since(self.unsettled_since) > self.settles_within {
            self.unsettled_since = now;
            self.settles_within = (self.settles_within * 2).min(SETTLED_WITHIN_MOST);
            self.ask(Step::Fresh);
        }
        let expected = if self.was_up {
            self.expected()
        } else {
            BTreeMap::new()
        };
        let received = Received {
            transport: self
                .peer
                .as_ref()
                .map_or(0, |peer| peer.heard.bytes.load(Ordering::Relaxed)),
            by_line: self.by_line.clone(),
        };
        let step = self.recovery.observe(now, &expected, &received);
        if self.recovery.doubts(now) {
            self.order(ToLine::Probe);
        }
        if let Some(step) = step {
            self.ask(step);
        }
    }

    fn ask(&mut self, step: Step) {
        if self.seated {
            let fresh = step == Step::Fresh;
            self.say(ClientMessage::RestartIce { fresh });
            self.recovery.asked(step, Instant::now());
            self.tell(Noticed::Asked(step));
        }
        // The line may be gone as well, without having said so.
        self.order(ToLine::Probe);
    }
}
