// What people do with the service's pages, up to a call in which both see and
// hear each other; shared by the journey and by the tests of recovery.
//
// `people` gives its steps for one service. Each page on the way is handed to
// `seen`, for pictures and accessibility; a test that only wants to arrive
// leaves it out.

import { Driver } from './driver.mjs'
import { person } from './lib.mjs'

const LIMIT_MS = 45_000

export function expect(truth, what) {
  if (!truth) throw new Error(what)
}

/** The call on the page of either side. */
export const media = '[data-call]'

/** Runs in the page: picture and sound of the other side have grown since `mark` was first asked about. */
const grown = ([mark, frames]) => {
  const { framesDecoded, audioEnergy, state } = document.querySelector('[data-call]').dataset
  const now = { frames: Number(framesDecoded ?? 0), energy: Number(audioEnergy ?? 0) }
  const since = window.vpGrowth?.mark === mark ? window.vpGrowth : { mark, last: now, measured: false, frames: 0, energy: 0 }
  if (now.frames !== since.last.frames || now.energy !== since.last.energy) {
    // The first measure may still tell of the time before, and a fresh peer
    // connection counts from nothing again: what counts is each later step upwards.
    if (since.measured) {
      since.frames += Math.max(0, now.frames - since.last.frames)
      since.energy += Math.max(0, now.energy - since.last.energy)
    }
    since.measured = true
    since.last = now
  }
  window.vpGrowth = since
  return state === 'in' && since.frames > frames && since.energy > 0
}

let marks = 0

/** Waits until picture and sound of the other side grow from now on. */
export async function hears(driver, what) {
  marks += 1
  await driver.until(grown, [marks, 10], `${what}: frames and sound grow`)
}

/** Waits until the call is end-to-end encrypted on all these sides, with the same words; gives the words. */
export async function sealed(drivers, what) {
  const words = () => {
    const { words } = document.querySelector('[data-call]').dataset
    return document.querySelector('[data-sealing]').dataset.sealing === 'sealed' && words !== ''
  }
  const limit = Date.now() + LIMIT_MS
  for (;;) {
    for (const driver of drivers) await driver.until(words, null, `${what}: end-to-end encrypted`)
    // An epoch that ends between the two looks is no disagreement.
    const read = await Promise.all(drivers.map((driver) => driver.data(media, 'words')))
    if (new Set(read).size === 1) return read[0]
    expect(Date.now() < limit, `${what}: the same words on all sides, not ${read.join(' and ')}`)
  }
}

/** Allows camera and microphone where the page asks, and waits for the own picture. */
export async function testDevices(driver) {
  await driver.see('[data-act="allow"]')
  if (await driver.page.$eval('[data-act="allow"]', (button) => !button.hidden && button.offsetParent !== null)) await driver.press('[data-act="allow"]')
  await driver.until(() => (document.querySelector('[data-panel="test"] video[data-local]')?.videoWidth ?? 0) > 0, null, 'the own picture is shown')
}

/** Runs in the page, before its own scripts: keeps what would tell of the media. */
export const keepConnections = () => {
  window.vpConnections = []
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) {
      super(...given)
      window.vpConnections.push(this)
    }
  }
}

/** Runs in the page, after `keepConnections`: the pair of candidates in use. */
export const pairInUse = async () => {
  const report = new Map()
  for (const [id, entry] of await window.vpConnections.at(-1).getStats()) report.set(id, entry)
  const all = [...report.values()]
  const chosen = all.find(({ type }) => type === 'transport')?.selectedCandidatePairId
  const pair = report.get(chosen) ?? all.find(({ type, selected, nominated, state }) => type === 'candidate-pair' && (selected || (nominated && state === 'succeeded')))
  const local = report.get(pair?.localCandidateId)
  const remote = report.get(pair?.remoteCandidateId)
  return { type: local?.candidateType, relayProtocol: local?.relayProtocol, to: `${remote?.address ?? remote?.ip}:${remote?.port}`, rttMs: Math.round((pair?.currentRoundTripTime ?? 0) * 1000) }
}

/** Where somebody of the sandbox reads mail. */
const addressOf = (who) => `${who}@courriel.example`

/** Somebody's number of the range kept for fiction, as dialled. */
const numberOf = (who) => `+3363998${2000 + [...who].reduce((sum, letter) => sum + letter.codePointAt(0), 0)}`

/** Each step on the service at `base`; `seen(driver, name)` is given every page on the way. */
export function people(base, seen = async () => {}) {
  /** Signs in through the sandbox's ProConnect. */
  async function officerLogin(driver, who, path) {
    await driver.go(`${base}${path}`)
    await driver.follow('form[action="/agent/connexion/proconnect"] button')
    await driver.follow(`button[name="personne"][value="${who}"]`)
  }

  async function administrator(driver) {
    await officerLogin(driver, 'admin-78', '/administration')
    await seen(driver, 'administration-guichets')
    await driver.follow('a[href^="/administration/guichets/nouveau"]')
    await driver.fill('#libelle', 'Guichet du parcours')
    for (const day of ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']) {
      if (!(await driver.page.$eval(`#jour-${day}`, (box) => box.checked))) await driver.press(`#jour-${day}`)
    }
    await driver.fill('#debut', '00:00')
    await driver.fill('#fin', '24:00')
    await seen(driver, 'administration-nouveau-guichet')
    await driver.follow('main form button[type="submit"]')
    expect((await driver.text('main')).includes('Guichet du parcours'), 'the new desk is listed')
    await seen(driver, 'administration-guichet-ouvert')
    await driver.go(`${base}/administration/messages`)
    await seen(driver, 'administration-messages')
    await driver.follow('main a[href="/administration/messages/modeles"]')
    await seen(driver, 'administration-textes')
  }

  /** Reads the unit's journal, where what the others did is written. */
  async function auditor(driver) {
    await officerLogin(driver, 'auditor', '/administration/journal')
    await seen(driver, 'administration-journal-vide')
    await driver.page.selectOption('#motif', 'control')
    await driver.follow('main form[role="search"] button')
    await seen(driver, 'administration-journal')
    await driver.fill('#acteur', 'Camille')
    await driver.follow('main form[role="search"] button')
    expect(/Un nom de personne ne se cherche pas ici/.test(await driver.text('main')), 'no name is searched for')
    await seen(driver, 'administration-journal-erreur')
  }

  /** The newest code that arrived at an address or number, read from the sandbox's pages. */
  async function codeTo(page, address) {
    const limit = Date.now() + LIMIT_MS
    for (;;) {
      const list = await (await fetch(`${base}/bac-a-sable/${page}`)).text()
      const card = list.split('<li').find((one) => one.includes(address) && /code/.test(one))
      const path = card?.match(/\/bac-a-sable\/courrier\/[^"/]+/)?.[0]
      const text = path === undefined ? card : await (await fetch(`${base}${path}`)).text()
      const code = text?.split('vp-message')[1]?.match(/\b\d{6}\b/)?.[0]
      if (code !== undefined) return code
      expect(Date.now() < limit, `a code arrives at ${address}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  /** Tells who they are and where they live as somebody of the sandbox. */
  async function tellsContact(driver, who, commune) {
    await driver.go(`${base}/`)
    await seen(driver, 'accueil')
    await driver.follow('main a[href="/orientation"]')
    await driver.press('input[name="danger"][value="non"]')
    await driver.press('input[name="nature"][value="vol"]')
    await driver.press('input[name="enligne"][value="non"]')
    await driver.press('input[name="auteur"][value="non"]')
    await seen(driver, 'orientation')
    await driver.follow('form[action="/orientation/resultat"] button')
    await seen(driver, 'orientation-resultat')
    await driver.follow('a[href^="/declaration/droits"]')
    await seen(driver, 'connexion')
    await driver.follow('form[action="/connexion/franceconnect"] button')
    await seen(driver, 'franceconnect-bac-a-sable')
    await driver.follow(`button[name="personne"][value="${who}"]`)
    await driver.press('input[name="francais"][value="oui"]')
    await driver.press('#droits')
    await driver.press('#cgu')
    await seen(driver, 'information-et-droits')
    await driver.follow('form[action="/declaration/droits"] button')
    await driver.fill('#courriel', addressOf(who))
    await driver.fill('#telephone', numberOf(who))
    await driver.fill('#adresse', '12 rue des Lilas')
    await driver.fill('#commune', commune)
    await driver.fill('#profession', 'Libraire')
    await seen(driver, 'coordonnees')
    await driver.follow('form[action="/declaration/coordonnees"] button')
  }

  /** Tells everything, up to the choice of a slot. */
  async function declares(driver, who = 'camille') {
    await tellsContact(driver, who, 'Versailles')
    if (await driver.has('input[name="commune_code"][type="radio"]')) {
      await driver.press('input[name="commune_code"][type="radio"]')
      await seen(driver, 'coordonnees-commune')
      await driver.follow('form[action="/declaration/coordonnees"] button')
    }
    if (new URL(driver.page.url()).pathname === '/declaration/verification') {
      await driver.fill('#code_courriel', await codeTo('courrier', addressOf(who)))
      await driver.fill('#code_telephone', await codeTo('sms', numberOf(who)))
      await seen(driver, 'codes-de-confirmation')
      await driver.follow('form[action="/declaration/verification"] button')
    }
    await driver.press('#date_inconnue')
    await driver.fill('#lieu', 'Versailles, rue Royale')
    await driver.press('input[name="auteur"][value="non"]')
    await driver.fill('#faits', 'On m’a volé mon vélo attaché devant la librairie.')
    await seen(driver, 'faits')
    await driver.follow('form[action="/declaration/faits"] button')
    await seen(driver, 'creneaux')
  }

  /** Books as somebody of the sandbox; gives the appointment's id. */
  async function book(driver, who = 'camille') {
    await declares(driver, who)
    await driver.follow('form.vp-next-slot button')
    await seen(driver, 'creneau-garde')
    await driver.follow('form[action$="/confirmer"] button')
    await seen(driver, 'rendez-vous-confirme')
    const id = new URL(driver.page.url()).pathname.split('/')[2]
    expect(/^[0-9a-f]{32}$/.test(id), `an appointment's address, not ${driver.page.url()}`)
    return id
  }

  /** Opens the newest mail of the sandbox that is no code, and gives the personal link in it. */
  async function readMail(driver, appointmentId, who = 'camille') {
    const mail = async () => {
      await driver.go(`${base}/bac-a-sable/courrier`)
      return driver.page.$$eval(
        'main li',
        (cards, address) => cards.find((card) => card.textContent.includes(address) && !card.textContent.includes('code'))?.querySelector('a[href^="/bac-a-sable/courrier/"]')?.getAttribute('href'),
        addressOf(who),
      )
    }
    const limit = Date.now() + LIMIT_MS
    let found
    while ((found = await mail()) === undefined || found === null) expect(Date.now() < limit, 'the confirmation arrives')
    await driver.follow(`a[href="${found}"]`)
    await seen(driver, 'courriel-de-confirmation')
    const body = await driver.text('main')
    for (const secret of ['vélo', 'librairie', 'Libraire', 'vol ']) expect(!body.includes(secret), `the mail says nothing of the case (${secret})`)
    const link = await driver.page.$eval('a[href*="/lien/"]', (anchor) => anchor.href)
    const invitation = await fetch(await driver.page.$eval('a[href$="/calendrier.ics"]', (anchor) => anchor.href))
    const calendar = await invitation.text()
    expect(calendar.includes('BEGIN:VCALENDAR') && !calendar.includes('vélo'), 'the invitation is an iCalendar file without facts')
    await driver.go(`${base}/bac-a-sable/sms`)
    await seen(driver, 'sms')
    expect((await driver.text('main')).includes(link), 'the SMS holds the same link')
    expect(appointmentId.length > 0, 'an appointment')
    return link
  }

  /** The officer finds the appointment in the agenda and opens the hearing. */
  async function openHearing(officer, id) {
    await officerLogin(officer, '78-police', '/agent')
    if (!(await officer.has(`a[href="/agent/audition/${id}"]`))) await officer.follow('a[rel="next"], nav a[href*="jour="]:last-of-type')
    await seen(officer, 'agenda')
    await officer.follow(`a[href="/agent/audition/${id}"]`)
    await seen(officer, 'audition-avant-ouverture')
    await officer.follow('form[action$="/ouvrir"] button')
    await seen(officer, 'audition-ouverte')
  }

  /** The citizen, on the hearing's page, tests the devices and waits. */
  async function enter(citizen) {
    await testDevices(citizen)
    await seen(citizen, 'test-camera-micro')
    await citizen.press('[data-act="join"]')
    await citizen.until(() => document.querySelector('[data-call]').dataset.state === 'waiting', null, 'the citizen waits')
    await seen(citizen, 'salle-attente')
  }

  /** The officer joins, sees the arrival and admits. */
  async function admit(officer) {
    await testDevices(officer)
    await officer.press('[data-act="join"]')
    await officer.until(() => document.querySelector('[data-call]').dataset.state === 'in', null, 'the officer is in')
    await officer.until(() => document.querySelector('form[action$="/admettre"]') !== null, null, 'the officer sees the arrival')
    await officer.until(() => document.querySelector('[data-live="people"] .fr-badge--success') !== null, null, 'the citizen is shown connected')
    await seen(officer, 'arrivee')
    await officer.press('form[action$="/admettre"] button')
  }

  /**
   * From the start page to a call of both, by the citizen's own space; gives the
   * appointment's id. A desk is opened around the clock before: the seeded ones
   * close at night, and a test must not. The officer's is a Chromium.
   */
  async function meet(citizen, officer) {
    const { context, page } = await person(officer.page.context().browser(), 'desktop')
    await administrator(new Driver(page, false))
    await context.close()
    const id = await book(citizen)
    await openHearing(officer, id)
    await citizen.go(`${base}/audition/${id}`)
    await citizen.follow('form[action$="/entrer"] button')
    await enter(citizen)
    await admit(officer)
    await citizen.until(() => document.querySelector('[data-call]').dataset.state === 'in', null, 'the citizen is admitted')
    return id
  }

  return { administrator, admit, auditor, book, declares, enter, meet, openHearing, readMail, tellsContact }
}
