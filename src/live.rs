//! Tells open pages that something they show has changed. A notice carries a
//! topic and nothing else: whoever listens reads the database again, with its
//! own rights. Pages also look again by themselves now and then, so a notice
//! lost between two processes delays and never hides a change.

use tokio::sync::broadcast;

/// The notice board of this process.
#[derive(Clone, Debug)]
pub struct Live(broadcast::Sender<String>);

impl Default for Live {
    fn default() -> Self {
        Live(broadcast::channel(256).0)
    }
}

impl Live {
    /// Tells that a topic, such as `appointment/ID` or `unit/ID`, has changed.
    pub fn changed(&self, topic: impl Into<String>) {
        // Nobody listening is the normal case.
        let _ = self.0.send(topic.into());
    }

    /// Every topic told from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<String> {
        self.0.subscribe()
    }
}
