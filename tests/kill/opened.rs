//! A hearing that is open with its citizen let in, up to where the calls begin.

use crate::service::Service;
use crate::support::{Browser, Citizen, Officer, Page};

pub struct Opened {
    pub id: String,
    pub camille: Citizen,
    /// Camille's page of the hearing.
    pub room: Page,
    pub sarah: Officer,
    /// Sarah's page of the hearing.
    pub workspace: Page,
}

impl Opened {
    pub async fn at(service: &Service) -> Self {
        let admin = Officer::new("admin-78", Browser::new(&service.site));
        admin.logs_in("/administration").await.ok();
        admin.opens_a_desk("u-78-police", "Guichet").await.ok();
        let camille = Citizen::new("camille", Browser::new(&service.site));
        let sarah = Officer::new("78-police", Browser::new(&service.site));
        let id = camille.has_an_appointment().await;
        let room = camille.enters(&id).await;
        sarah.logs_in("/agent").await.ok();
        let workspace = sarah.opens(&id).await;
        sarah.admits(&id).await;
        Self {
            id,
            camille,
            room,
            sarah,
            workspace,
        }
    }
}
