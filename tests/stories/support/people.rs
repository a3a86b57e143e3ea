//! The three people of every story and what they do on the pages, by the forms
//! and links they find there.

use super::browser::Lost;
use super::call::Call;
use super::messages::{code_in, mail_to, sms_to};
use super::{Browser, Page};

/// Words of the case that no message may hold.
pub const FACTS_OF_THE_CASE: &[&str] = &[
    "vélo",
    "librairie",
    "rue Royale",
    "Libraire",
    "12 rue des Lilas",
    "BERTHELOT",
    "Berthelot",
    "Camille",
    "Versailles",
    " plainte",
    "Vol ",
    "vol ",
];

pub const STATEMENT: &str = "On m’a volé mon vélo attaché devant la librairie.";
pub const EMAIL: &str = "camille.berthelot@courriel.example";
pub const PHONE: &str = "06 39 98 12 34";
pub const PHONE_DIALLED: &str = "+33639981234";

/// Where somebody of the sandbox reads e-mail.
pub fn email_of(key: &str) -> String {
    match key {
        "camille" => EMAIL.to_owned(),
        other => format!("{other}@courriel.example"),
    }
}

/// Somebody's number of the range kept for fiction, as dialled.
pub fn dialled(key: &str) -> String {
    match key {
        "camille" => PHONE_DIALLED.to_owned(),
        other => {
            let sum: u32 = other.bytes().map(u32::from).sum();
            format!("+3363998{:04}", 2_000 + sum)
        }
    }
}

/// A victim with a browser.
#[derive(Clone)]
pub struct Citizen {
    /// Account at the sandbox's FranceConnect.
    pub key: &'static str,
    pub browser: Browser,
}

impl std::ops::Deref for Citizen {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl Citizen {
    pub fn new(key: &'static str, browser: Browser) -> Self {
        Citizen { key, browser }
    }

    /// The same person at another computer or telephone.
    pub fn elsewhere(&self) -> Self {
        Citizen::new(self.key, Browser::new(&self.browser.site))
    }

    /// Presses the FranceConnect button of this page and chooses their account.
    pub async fn identify(&self, page: &Page) -> Page {
        let provider = self
            .submit(&page.form("form[action='/connexion/franceconnect']"))
            .await
            .ok();
        assert!(
            provider.address.starts_with("/bac-a-sable/franceconnect/"),
            "{provider:.500}"
        );
        let account = provider
            .form("main form[method='post']")
            .with("personne", self.key);
        self.submit(&account).await
    }

    /// Logs in and lands on a page.
    pub async fn logs_in(&self, wanted: &str) -> Page {
        let page = self.get(&format!("/connexion?retour={wanted}")).await.ok();
        self.identify(&page).await
    }

    /// From the home page to the first page that needs a login.
    pub async fn is_oriented(&self) -> Page {
        let home = self.get("/").await.ok();
        let start = home
            .attribute("main a[href='/orientation']", "href")
            .unwrap();
        let questions = self.get(&start).await.ok();
        let answers = questions
            .form("form[action='/orientation/resultat']")
            .with("danger", "non")
            .with("nature", "vol")
            .with("enligne", "non")
            .with("auteur", "oui");
        let outcome = self.submit(&answers).await.ok();
        let next = outcome
            .attribute("main a[href^='/declaration/droits']", "href")
            .unwrap();
        self.get(&next).await.ok()
    }

    /// Accepts rights and terms on their page; lands on the contact details.
    pub async fn reads_rights(&self, page: &Page) -> Page {
        let form = page
            .form("form[action='/declaration/droits']")
            .with("francais", "oui")
            .with("droits", "oui")
            .with("cgu", "oui");
        self.submit(&form).await.ok()
    }

    pub async fn tells_contact(&self, page: &Page, commune: &str) -> Page {
        let page = self.gives_addresses(page, commune).await;
        if page.address == "/declaration/verification" {
            self.types_the_codes(&page).await.ok()
        } else {
            page
        }
    }

    /// The contact details alone; lands where the codes are typed, if any are asked for.
    pub async fn gives_addresses(&self, page: &Page, commune: &str) -> Page {
        let form = page
            .form("form[action='/declaration/coordonnees']")
            .with("courriel", &email_of(self.key))
            .with("telephone", &dialled(self.key))
            .with("adresse", "12 rue des Lilas")
            .with("commune", commune)
            .with("profession", "Libraire");
        self.submit(&form).await.ok()
    }

    /// Reads each code that the page asks for and types it.
    pub async fn types_the_codes(&self, page: &Page) -> Page {
        let site = &self.browser.site;
        let mut form = page.form("form[action='/declaration/verification']");
        if page.has("#code_courriel") {
            let letter = mail_to(site, &email_of(self.key), "code").await;
            form = form.with("code_courriel", &code_in(&letter.text));
        }
        if page.has("#code_telephone") {
            let letter = sms_to(site, &dialled(self.key), "code").await;
            form = form.with("code_telephone", &code_in(&letter.text));
        }
        self.submit(&form).await
    }

    pub async fn tells_facts(&self, page: &Page) -> Page {
        let form = page
            .form("form[action='/declaration/faits']")
            .with("date_inconnue", "oui")
            .with("lieu", "Versailles, rue Royale")
            .with("auteur", "oui")
            .with("faits", STATEMENT);
        self.submit(&form).await.ok()
    }

    /// Everything up to the page with the slots.
    pub async fn declares(&self, commune: &str) -> Page {
        let login = self.is_oriented().await;
        let rights = if login.has("form[action='/connexion/franceconnect']") {
            self.identify(&login).await.ok()
        } else {
            login
        };
        let contact = self.reads_rights(&rights).await;
        let facts = self.tells_contact(&contact, commune).await;
        let slots = self.tells_facts(&facts).await;
        assert!(
            slots.address.starts_with("/rendez-vous/creneaux"),
            "{slots:.2000}"
        );
        slots
    }

    /// Takes the first free slot and confirms it; gives the appointment's id.
    pub async fn books_the_next_slot(&self, slots: &Page) -> String {
        let review = self.submit(&slots.form("form.vp-next-slot")).await.ok();
        self.confirms(&review).await
    }

    /// Takes the slot that starts at an instant (milliseconds) and confirms it.
    pub async fn books(&self, slots: &Page, starts_at: i64) -> String {
        let form = slots
            .form("form.vp-next-slot")
            .forge("creneau", &starts_at.to_string());
        let review = self.submit(&form).await.ok();
        self.confirms(&review).await
    }

    pub async fn confirms(&self, review: &Page) -> String {
        let appointment = self
            .submit(&review.form("form[action$='/confirmer']"))
            .await
            .ok();
        let id = appointment.address.rsplit('/').next().unwrap().to_owned();
        assert_eq!(
            appointment.address,
            format!("/rendez-vous/{id}"),
            "{appointment:.2000}"
        );
        id
    }

    /// From nothing to a confirmed appointment with the unit of Versailles.
    pub async fn has_an_appointment(&self) -> String {
        let slots = self.declares("Versailles").await;
        self.books_the_next_slot(&slots).await
    }

    /// Comes in from their own space; lands in the room.
    pub async fn enters(&self, id: &str) -> Page {
        let door = self.get(&format!("/audition/{id}")).await.ok();
        let room = self
            .submit(&door.form("form[action$='/entrer']"))
            .await
            .ok();
        assert!(room.has("[data-call]"), "{room:.1000}");
        room
    }

    /// The act as it stands for them.
    pub async fn reads_the_act(&self, id: &str) -> Page {
        self.get(&format!("/audition/{id}/proces-verbal"))
            .await
            .ok()
    }

    /// Agrees to the version on the page.
    pub async fn agrees(&self, id: &str) -> Page {
        let review = self.reads_the_act(id).await;
        let agreement = review
            .form("form[action$='/accord']")
            .with("decision", "agreed");
        self.submit(&agreement).await
    }

    /// Joins the call of the hearing's page.
    pub async fn joins(&self, room: &Page) -> Result<Call, Lost> {
        join(&self.browser, room).await
    }
}

/// An officer or administrator with a browser.
#[derive(Clone)]
pub struct Officer {
    /// Account at the sandbox's ProConnect.
    pub key: &'static str,
    pub browser: Browser,
}

impl std::ops::Deref for Officer {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl Officer {
    pub fn new(key: &'static str, browser: Browser) -> Self {
        Officer { key, browser }
    }

    /// Logs in by ProConnect and lands on a page.
    pub async fn logs_in(&self, wanted: &str) -> Page {
        let page = self
            .get(&format!("/agent/connexion?retour={wanted}"))
            .await
            .ok();
        let provider = self
            .submit(&page.form("form[action='/agent/connexion/proconnect']"))
            .await
            .ok();
        assert!(
            provider.address.starts_with("/bac-a-sable/proconnect/"),
            "{provider:.500}"
        );
        let account = provider
            .form("main form[method='post']")
            .with("personne", self.key);
        self.submit(&account).await
    }

    /// The workspace of a hearing.
    pub async fn workspace(&self, id: &str) -> Page {
        self.get(&format!("/agent/audition/{id}")).await.ok()
    }

    /// Opens the hearing; gives the workspace with its call.
    pub async fn opens(&self, id: &str) -> Page {
        let page = self.workspace(id).await;
        self.submit(&page.form("form[action$='/ouvrir']"))
            .await
            .ok()
    }

    /// Lets the one who waits come in.
    pub async fn admits(&self, id: &str) -> Page {
        let page = self.workspace(id).await;
        self.submit(&page.form("form[action$='/admettre']"))
            .await
            .ok()
    }

    /// Opens a desk of a unit, every day around the clock.
    /// Looks at what a form would do, then saves it as the page proposes.
    pub async fn looks_and_saves(&self, form: &super::page::Form) -> Page {
        let look = self
            .submit(&form.clone().forge("acte", "verifier"))
            .await
            .ok();
        let shown = look.form(&format!("form[action='{}']:has([name='vu'])", form.action));
        self.submit(&shown.forge("acte", "enregistrer")).await
    }

    pub async fn opens_a_desk(&self, unit: &str, label: &str) -> Page {
        let list = self.get("/administration/guichets").await.ok();
        let wanted = format!("main a[href='/administration/guichets/nouveau?unite={unit}']");
        let empty = self
            .get(&list.attribute(&wanted, "href").unwrap())
            .await
            .ok();
        let mut form = empty
            .form("form[action='/administration/guichets/nouveau']")
            .with("libelle", label)
            .with("debut", "00:00")
            .with("fin", "24:00");
        for day in ["MO", "TU", "WE", "TH", "FR", "SA", "SU"] {
            form = form.also("jour", day);
        }
        self.submit(&form).await.ok()
    }

    /// Ticks everything of the check list; gives the workspace as it then is.
    pub async fn ticks_everything(&self, workspace: &Page) -> Page {
        let address = workspace.address.clone();
        let forms = workspace.count("form[action$='/constat']");
        assert!(forms > 10, "a check list of {forms}");
        for index in 0..forms {
            let page = self.get(&address).await.ok();
            let form = nth_form(&page, "form[action$='/constat']", index);
            // The first result offered is the usual one; a right has none.
            let form = match results_of(&page, index) {
                Some(result) => form.with("resultat", &result),
                None => form,
            };
            self.submit(&form).await.ok();
        }
        self.get(&address).await.ok()
    }

    /// Saves a text as the editor does without a script.
    pub async fn writes(&self, workspace: &Page, text: &str) -> Page {
        let form = workspace.form("form[action$='/texte']").with("texte", text);
        self.submit(&form).await
    }

    /// Joins the call of the workspace.
    pub async fn joins(&self, workspace: &Page) -> Result<Call, Lost> {
        join(&self.browser, workspace).await
    }
}

fn nth_form(page: &Page, what: &str, index: usize) -> super::page::Form {
    page.forms(what).into_iter().nth(index).unwrap()
}

fn results_of(page: &Page, index: usize) -> Option<String> {
    let form = page
        .forms("form[action$='/constat']")
        .into_iter()
        .nth(index)?;
    form.choices("resultat").into_iter().next()
}

/// Where the page's script buys its token, and with which anti-forgery token.
pub fn token_of(page: &Page) -> (String, String) {
    let attribute = |name: &str| page.attribute("[data-call]", name);
    let (Some(url), Some(csrf)) = (attribute("data-token-url"), attribute("data-csrf")) else {
        panic!("no call on {page:.2000}");
    };
    (url, csrf)
}

async fn join(browser: &Browser, page: &Page) -> Result<Call, Lost> {
    let (url, csrf) = token_of(page);
    Call::join(browser, &url, &csrf).await
}

/// What people do together up to a point of the record's life, without media:
/// the call is not what these stories are about.
pub mod together {
    use super::super::{Citizen, Officer, Page, TestApp};

    pub const NARRATIVE: &str = "Le vélo a disparu à onze heures.";

    /// An appointment, the door open, the citizen admitted by the officer.
    pub async fn in_hearing(app: &TestApp, camille: &Citizen, sarah: &Officer) -> String {
        let id = camille.has_an_appointment().await;
        camille.enters(&id).await;
        sarah.logs_in("/agent").await.ok();
        sarah.opens(&id).await;
        sarah.admits(&id).await;
        assert_eq!(app.appointment(&id).await.state.as_str(), "in_hearing");
        id
    }

    /// The same with a version that lies with the citizen.
    pub async fn in_review(app: &TestApp, camille: &Citizen, sarah: &Officer) -> String {
        let id = in_hearing(app, camille, sarah).await;
        let page = sarah.workspace(&id).await;
        let page = sarah.ticks_everything(&page).await;
        let page = sarah.writes(&page, NARRATIVE).await.ok();
        sarah
            .submit(&page.form("form[action$='/relecture']"))
            .await
            .ok();
        id
    }

    /// The same, agreed to.
    pub async fn agreed(app: &TestApp, camille: &Citizen, sarah: &Officer) -> String {
        let id = in_review(app, camille, sarah).await;
        camille.agrees(&id).await.ok();
        id
    }

    /// The same, signed.
    pub async fn signed(app: &TestApp, camille: &Citizen, sarah: &Officer) -> String {
        let id = agreed(app, camille, sarah).await;
        let page: Page = sarah.workspace(&id).await;
        sarah
            .submit(&page.form("form[action$='/signature']"))
            .await
            .ok();
        id
    }
}
