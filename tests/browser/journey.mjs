// The journey, played by an administrator, a citizen and an officer in real
// browsers against a running service:
//
//   node tests/browser/journey.mjs http://localhost:8080 [chromium|firefox]
//
// Leaves a numbered screenshot of every step under target/journey (the second
// browser's under target/journey/firefox). Every page is looked at by axe, and
// at 320 px; a policy violation or script error anywhere fails the journey.

import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Driver } from './driver.mjs'
import { assertAccessible, assertQuiet, assertReflows, journeyFolder, launchChromium, launchFirefox, person, shot, watchPage } from './lib.mjs'

const base = process.argv[2] ?? 'http://localhost:8080'
const citizenBrowser = process.argv[3] ?? 'chromium'
const firefox = citizenBrowser === 'firefox'
const folder = firefox ? join(journeyFolder, 'firefox') : journeyFolder

let step = 0
async function look(driver, name, { axe = true, reflow = !driver.puppet } = {}) {
  step += 1
  await shot(driver.page, step, name, { folder })
  if (axe) await assertAccessible(driver.page, name)
  if (axe && !driver.puppet) {
    await driver.page.emulateMedia({ colorScheme: 'dark' })
    await assertAccessible(driver.page, `${name}, dark`)
    await driver.page.emulateMedia({ colorScheme: 'light' })
  }
  if (reflow) await assertReflows(driver.page, name)
  console.log(`${String(step).padStart(2, '0')} ${name}`)
}

function expect(truth, what) {
  if (!truth) throw new Error(what)
}

/** Signs in through the sandbox's ProConnect. */
async function officerLogin(driver, who, path) {
  await driver.go(`${base}${path}`)
  await driver.follow('form[action="/agent/connexion/proconnect"] button')
  await driver.follow(`button[name="personne"][value="${who}"]`)
}

async function administrator(driver) {
  await officerLogin(driver, 'admin-78', '/administration')
  await look(driver, 'administration-guichets')
  await driver.follow('a[href^="/administration/guichets/nouveau"]')
  await driver.fill('#libelle', 'Guichet du parcours')
  for (const day of ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']) {
    if (!(await driver.page.$eval(`#jour-${day}`, (box) => box.checked))) await driver.press(`#jour-${day}`)
  }
  await driver.fill('#debut', '00:00')
  await driver.fill('#fin', '24:00')
  await look(driver, 'administration-nouveau-guichet')
  await driver.follow('main form button[type="submit"]')
  expect((await driver.text('main')).includes('Guichet du parcours'), 'the new desk is listed')
  await look(driver, 'administration-guichet-ouvert')
}

async function book(driver, who, { looked }) {
  const seen = looked ? look : async () => {}
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
  await driver.fill('#courriel', 'camille.berthelot@courriel.example')
  await driver.fill('#telephone', '06 12 34 56 78')
  await driver.fill('#adresse', '12 rue des Lilas')
  await driver.fill('#commune', 'Versailles')
  await driver.fill('#profession', 'Libraire')
  await seen(driver, 'coordonnees')
  await driver.follow('form[action="/declaration/coordonnees"] button')
  if (await driver.has('input[name="commune_code"][type="radio"]')) {
    await driver.press('input[name="commune_code"][type="radio"]')
    await seen(driver, 'coordonnees-commune')
    await driver.follow('form[action="/declaration/coordonnees"] button')
  }
  await driver.press('#date_inconnue')
  await driver.fill('#lieu', 'Versailles, rue Royale')
  await driver.press('input[name="auteur"][value="non"]')
  await driver.fill('#faits', 'On m’a volé mon vélo attaché devant la librairie.')
  await seen(driver, 'faits')
  await driver.follow('form[action="/declaration/faits"] button')
  await seen(driver, 'creneaux')
  await driver.follow('form.vp-next-slot button')
  await seen(driver, 'creneau-garde')
  await driver.follow('form[action$="/confirmer"] button')
  await seen(driver, 'rendez-vous-confirme')
  const id = new URL(driver.page.url()).pathname.split('/')[2]
  expect(/^[0-9a-f]{32}$/.test(id), `an appointment's address, not ${driver.page.url()}`)
  return id
}

/** Opens the newest mail of the sandbox and gives the personal link in it. */
async function readMail(driver, appointmentId) {
  const mail = async () => {
    await driver.go(`${base}/bac-a-sable/courrier`)
    return driver.has('a[href^="/bac-a-sable/courrier/"]')
  }
  const limit = Date.now() + 45_000
  while (!(await mail())) expect(Date.now() < limit, 'the confirmation arrives')
  await driver.follow('a[href^="/bac-a-sable/courrier/"]')
  await look(driver, 'courriel-de-confirmation')
  const body = await driver.text('main')
  for (const secret of ['vélo', 'librairie', 'Libraire', 'vol ']) expect(!body.includes(secret), `the mail says nothing of the case (${secret})`)
  const link = await driver.page.$eval('a[href*="/lien/"]', (anchor) => anchor.href)
  const invitation = await fetch(await driver.page.$eval('a[href$="/calendrier.ics"]', (anchor) => anchor.href))
  const calendar = await invitation.text()
  expect(calendar.includes('BEGIN:VCALENDAR') && !calendar.includes('vélo'), 'the invitation is an iCalendar file without facts')
  await driver.go(`${base}/bac-a-sable/sms`)
  await look(driver, 'sms')
  expect((await driver.text('main')).includes(link), 'the SMS holds the same link')
  expect(appointmentId.length > 0, 'an appointment')
  return link
}

const media = '[data-call]'
const inHearing = { state: 'in' }

async function joinCall(driver) {
  await driver.see('[data-act="allow"]')
  if (await driver.page.$eval('[data-act="allow"]', (button) => !button.hidden && button.offsetParent !== null)) await driver.press('[data-act="allow"]')
  await driver.until(() => (document.querySelector('[data-panel="test"] video[data-local]')?.videoWidth ?? 0) > 0, null, 'the own picture is shown')
}

const mediaFlows = ([frames, energy]) => {
  const { framesDecoded, audioEnergy, state } = document.querySelector('[data-call]').dataset
  return state === 'in' && Number(framesDecoded) > frames && Number(audioEnergy) > energy
}

/** Waits until picture and sound of the other side grow from now on. */
async function hears(driver, what) {
  const { framesDecoded = '0', audioEnergy = '0' } = await driver.page.$eval(media, (element) => ({ ...element.dataset }))
  await driver.until(mediaFlows, [Number(framesDecoded) + 10, Number(audioEnergy)], `${what}: frames and sound grow`)
}

async function main() {
  const chromium = await launchChromium()
  const fox = firefox ? await launchFirefox() : undefined
  const watches = []
  try {
    const desk = async () => {
      const made = await person(chromium, 'desktop', { permissions: ['camera', 'microphone'] })
      watches.push(made.watch)
      return new Driver(made.page, false)
    }
    const phone = async () => {
      if (fox === undefined) {
        const made = await person(chromium, 'phone', { permissions: ['camera', 'microphone'] })
        watches.push(made.watch)
        return new Driver(made.page, false)
      }
      const page = await fox.browser.newPage()
      await page.setViewport({ width: 390, height: 844 })
      watches.push(watchPage(page))
      return new Driver(page, true)
    }

    // Booking works without a script too: the same steps, by somebody else.
    if (!firefox) {
      const bare = await person(chromium, 'phone', { javaScriptEnabled: false })
      await book(new Driver(bare.page, false), 'zoe', { looked: false })
      await bare.context.close()
      console.log('   booking works without a script')
    }

    // 0. An administrator opens a desk whose slots the public then sees.
    const admin = await desk()
    if (!firefox) await administrator(admin)

    // 1 and 2. The citizen books, and the confirmation arrives.
    const citizen = await phone()
    const id = await book(citizen, 'camille', { looked: true })
    const link = await readMail(citizen, id)

    // 3. The officer finds the appointment in the agenda and opens the hearing.
    const officer = await desk()
    await officerLogin(officer, '78-police', '/agent')
    if (!(await officer.has(`a[href="/agent/audition/${id}"]`))) await officer.follow('a[rel="next"], nav a[href*="jour="]:last-of-type')
    await look(officer, 'agenda')
    await officer.follow(`a[href="/agent/audition/${id}"]`)
    await look(officer, 'audition-avant-ouverture')
    await officer.follow('form[action$="/ouvrir"] button')
    await look(officer, 'audition-ouverte')

    // 4. The citizen opens the link, tests the devices and waits.
    await citizen.go(link)
    await look(citizen, 'lien-personnel')
    await citizen.follow('form[action^="/lien/"] button')
    await joinCall(citizen)
    await look(citizen, 'test-camera-micro')
    await citizen.press('[data-act="join"]')
    await citizen.until(() => document.querySelector('[data-call]').dataset.state === 'waiting', null, 'the citizen waits')
    await look(citizen, 'salle-attente')
    await joinCall(officer)
    await officer.press('[data-act="join"]')
    await officer.until(() => document.querySelector('[data-call]').dataset.state === 'in', null, 'the officer is in')
    await officer.until(() => document.querySelector('form[action$="/admettre"]') !== null, null, 'the officer sees the arrival')
    await officer.until(() => document.querySelector('[data-live="people"] .fr-badge--success') !== null, null, 'the citizen is shown connected')
    await look(officer, 'arrivee')
    await officer.press('form[action$="/admettre"] button')

    // 5. Both see and hear each other through the SFU.
    await citizen.until(() => document.querySelector('[data-call]').dataset.state === 'in', null, 'the citizen is admitted')
    await hears(citizen, 'the citizen')
    await hears(officer, 'the officer')
    const chosen = await citizen.data(media, 'selectedCandidate')
    expect(/\d+\.\d+\.\d+\.\d+|:/.test(chosen ?? ''), `a candidate pair that ends at the SFU, not ${chosen}`)
    console.log(`   the citizen's packets go to ${chosen}`)
    await look(citizen, 'audition-usager')
    await look(officer, 'audition-agent')
    await citizen.press('[data-act="mute"]')
    await officer.until(() => /coupé|muted/i.test(document.querySelector('[data-stage]').innerText), null, 'the officer sees that the citizen is muted')
    await citizen.press('[data-act="mute"]')
    await citizen.press('[data-act="camera"]')
    await officer.until(() => /image|caméra|camera/i.test(document.querySelector('[data-stage]').innerText), null, 'the officer sees that the camera is off')
    await citizen.press('[data-act="camera"]')
    await hears(officer, 'the officer after mute and camera')
    await citizen.press('[data-act="leave"]')
    await citizen.until(() => document.querySelector('[data-call]').dataset.state === 'ended', null, 'the citizen left')
    await look(citizen, 'audition-quittee')
    await citizen.press('[data-act="rejoin"]')
    await hears(citizen, 'the citizen after coming back')
    await hears(officer, 'the officer after the citizen came back')

    // 6. Rights and checks, the text, the review, the signature.
    for (const key of ['identity', 'residence', 'language', 'setting']) {
      await officer.press(`#constat-${key} button`)
      await officer.until((item) => document.querySelector(`#constat-${item} [aria-pressed="true"]`) !== null, key, `the check ${key} is noted`)
    }
    for (;;) {
      const left = await officer.page.$$eval('#droits button[aria-pressed="false"]', (buttons) => buttons.length)
      if (left === 0) break
      await officer.press('#droits button[aria-pressed="false"]')
      await officer.until((before) => document.querySelectorAll('#droits button[aria-pressed="false"]').length < before, left, 'a right is noted')
    }
    await officer.fill('#texte', 'Le 21 novembre, vers 19 heures, mon vélo attaché devant la librairie a été volé.\nJe n’ai vu personne.')
    await citizen.until(() => document.querySelector('[data-live="record"]').innerText.includes('vers 19 heures'), null, 'the citizen reads along')
    await look(citizen, 'lecture-en-direct')
    await officer.until(() => document.querySelector('#texte').dataset.autosaveState === 'saved', null, 'the text is saved')
    await officer.press('form[action$="/relecture"] button:not([disabled])')
    await citizen.until(() => document.querySelector('form[action$="/modification"]') !== null, null, 'the text is with the citizen')
    await look(citizen, 'relecture')
    await citizen.fill('form[action$="/modification"] textarea', 'Le vol a eu lieu vers 18 heures, pas 19 heures.')
    await citizen.press('form[action$="/modification"] button')
    await officer.until(() => document.querySelector('form[action$="/reponse"]') !== null, null, 'the officer sees the request')
    await look(officer, 'demande-de-modification')
    await officer.fill('form[action$="/reponse"] input[name="reponse"]', 'Corrigé.')
    await officer.press('form[action$="/reponse"] button')
    await officer.until(() => document.querySelector('form[action$="/reponse"]') === null, null, 'the request is answered')
    await officer.fill('#texte', 'Le 21 novembre, vers 18 heures, mon vélo attaché devant la librairie a été volé.\nJe n’ai vu personne.')
    await officer.until(() => document.querySelector('#texte').dataset.autosaveState === 'saved', null, 'the new text is saved')
    await officer.press('form[action$="/relecture"] button:not([disabled])')
    await citizen.until(() => document.querySelector('[data-live="record"]').innerText.includes('vers 18 heures') && document.querySelector('form[action$="/accord"]') !== null, null, 'the citizen has the new version')
    await look(citizen, 'nouvelle-version')
    await citizen.press('form[action$="/accord"] button[value="agreed"]')
    await officer.until(() => document.querySelector('form[action$="/signature"]') !== null, null, 'the agreement arrives')
    await look(officer, 'accord-recu')
    await officer.press('form[action$="/signature"] button')
    await officer.until(() => document.querySelectorAll('a[href^="/agent/documents/"]').length >= 2, null, 'the documents are signed')
    await look(officer, 'signe')
    await hears(citizen, 'the citizen at the end')
    await officer.follow('form[action$="/terminer"] button')
    await citizen.until(() => document.querySelector('[data-call]').dataset.state === 'ended', null, 'the hearing is over for the citizen')

    await citizen.go(`${base}/espace`)
    await look(citizen, 'espace-usager')
    const pdfs = await citizen.page.$$eval('a[href^="/espace/documents/"]', (links) => links.map((anchor) => [anchor.textContent, anchor.href]))
    expect(pdfs.length === 2, 'a procès-verbal and a récépissé')
    await checkDocuments(citizen, pdfs)

    // 7. The package was handed over and acknowledged.
    await officer.until(() => /reçu/i.test(document.querySelector('[data-live="review"]').innerText), null, 'the hand-off is acknowledged')
    await look(officer, 'transmission-acquittee')
    for (const watch of watches) assertQuiet(watch)
  } finally {
    await chromium.close()
    await fox?.close()
  }
}

/** Downloads the documents with the person's session; pdfsig judges them. */
async function checkDocuments(citizen, pdfs) {
  const scratch = await mkdtemp(join(tmpdir(), 'visioplainte-'))
  try {
    for (const [label, href] of pdfs) {
      const bytes = await citizen.page.evaluate(async (address) => {
        const answer = await fetch(address)
        if (!answer.ok) throw new Error(`${answer.status}`)
        return [...new Uint8Array(await answer.arrayBuffer())]
      }, href)
      const path = join(scratch, 'document.pdf')
      await writeFile(path, Buffer.from(bytes))
      expect((await readFile(path)).subarray(0, 5).toString() === '%PDF-', `${label} is a PDF`)
      const judged = execFileSync('pdfsig', [path], { encoding: 'utf8' })
      expect(judged.includes('Signature is Valid') && judged.includes('Total document signed'), `pdfsig on ${label}: ${judged}`)
      console.log(`   ${label.trim().split('\n')[0]}: signature valid, total document signed`)
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

await main()
console.log(`the journey is whole (${citizenBrowser} for the citizen), ${step} steps in ${folder}`)
