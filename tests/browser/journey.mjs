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
import { expect, hears, media, people, sealed } from './people.mjs'

const base = process.argv[2] ?? 'http://localhost:8080'
const citizenBrowser = process.argv[3] ?? 'chromium'
const firefox = citizenBrowser === 'firefox'
const folder = firefox ? join(journeyFolder, 'firefox') : journeyFolder

let step = 0
async function seen(driver, name, { axe = true, reflow = !driver.puppet } = {}) {
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

const { administrator, admit, auditor, book, enter, openHearing, readMail } = people(base, seen)

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
      await people(base).book(new Driver(bare.page, false), 'zoe')
      await bare.context.close()
      console.log('   booking works without a script')
    }

    // 0. An administrator opens a desk whose slots the public then sees; around the
    // clock, since the seeded ones close in the evening.
    const admin = await desk()
    await administrator(admin)

    // 1 and 2. The citizen books, and the confirmation arrives.
    const citizen = await phone()
    const id = await book(citizen)
    const link = await readMail(citizen, id)

    // 3. The officer finds the appointment in the agenda and opens the hearing.
    const officer = await desk()
    await openHearing(officer, id)

    // 4. The citizen opens the link, tests the devices and waits.
    await citizen.go(link)
    await seen(citizen, 'lien-personnel')
    await citizen.follow('form[action^="/lien/"] button')
    await enter(citizen)
    await admit(officer)

    // 5. Both see and hear each other through the SFU.
    await citizen.until(() => document.querySelector('[data-call]').dataset.state === 'in', null, 'the citizen is admitted')
    await hears(citizen, 'the citizen')
    await hears(officer, 'the officer')
    console.log(`   both read the check words « ${await sealed([citizen, officer], 'the call')} »`)
    const chosen = await citizen.data(media, 'selectedCandidate')
    expect(/\d+\.\d+\.\d+\.\d+|:/.test(chosen ?? ''), `a candidate pair that ends at the SFU, not ${chosen}`)
    console.log(`   the citizen's packets go to ${chosen}`)
    await seen(citizen, 'audition-usager')
    await seen(officer, 'audition-agent')
    for (const driver of [citizen, officer]) await driver.press('[data-sealing] summary')
    await seen(citizen, 'mots-de-controle-usager')
    await seen(officer, 'mots-de-controle-agent')
    for (const driver of [citizen, officer]) await driver.press('[data-sealing] summary')
    await citizen.press('[data-act="mute"]')
    await officer.until(() => /coupé|muted/i.test(document.querySelector('[data-stage]').innerText), null, 'the officer sees that the citizen is muted')
    await citizen.press('[data-act="mute"]')
    await citizen.press('[data-act="camera"]')
    await officer.until(() => /image|caméra|camera/i.test(document.querySelector('[data-stage]').innerText), null, 'the officer sees that the camera is off')
    await citizen.press('[data-act="camera"]')
    await hears(officer, 'the officer after mute and camera')
    await citizen.press('[data-act="leave"]')
    await citizen.until(() => document.querySelector('[data-call]').dataset.state === 'ended', null, 'the citizen left')
    await seen(citizen, 'audition-quittee')
    await citizen.press('[data-act="rejoin"]')
    await hears(citizen, 'the citizen after coming back')
    await hears(officer, 'the officer after the citizen came back')
    await sealed([citizen, officer], 'the citizen came back')

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
    await seen(citizen, 'lecture-en-direct')
    await officer.until(() => document.querySelector('#texte').dataset.autosaveState === 'saved', null, 'the text is saved')
    await officer.press('form[action$="/relecture"] button:not([disabled])')
    await citizen.until(() => document.querySelector('form[action$="/modification"]') !== null, null, 'the text is with the citizen')
    await seen(citizen, 'relecture')
    await citizen.fill('form[action$="/modification"] textarea', 'Le vol a eu lieu vers 18 heures, pas 19 heures.')
    await citizen.press('form[action$="/modification"] button')
    await officer.until(() => document.querySelector('form[action$="/reponse"]') !== null, null, 'the officer sees the request')
    await seen(officer, 'demande-de-modification')
    await officer.fill('form[action$="/reponse"] input[name="reponse"]', 'Corrigé.')
    await officer.press('form[action$="/reponse"] button')
    await officer.until(() => document.querySelector('form[action$="/reponse"]') === null, null, 'the request is answered')
    await officer.fill('#texte', 'Le 21 novembre, vers 18 heures, mon vélo attaché devant la librairie a été volé.\nJe n’ai vu personne.')
    await officer.until(() => document.querySelector('#texte').dataset.autosaveState === 'saved', null, 'the new text is saved')
    await officer.press('form[action$="/relecture"] button:not([disabled])')
    await citizen.until(() => document.querySelector('[data-live="record"]').innerText.includes('vers 18 heures') && document.querySelector('form[action$="/accord"]') !== null, null, 'the citizen has the new version')
    await seen(citizen, 'nouvelle-version')
    await citizen.press('form[action$="/accord"] button[value="agreed"]')
    await officer.until(() => document.querySelector('form[action$="/signature"]') !== null, null, 'the agreement arrives')
    await seen(officer, 'accord-recu')
    await officer.press('form[action$="/signature"] button')
    await officer.until(() => document.querySelectorAll('a[href^="/agent/documents/"]').length >= 2, null, 'the documents are signed')
    await seen(officer, 'signe')
    await hears(citizen, 'the citizen at the end')
    await officer.follow('form[action$="/terminer"] button')
    await citizen.until(() => document.querySelector('[data-call]').dataset.state === 'ended', null, 'the hearing is over for the citizen')

    await citizen.go(`${base}/espace`)
    await seen(citizen, 'espace-usager')
    const pdfs = await citizen.page.$$eval('a[href^="/espace/documents/"]', (links) => links.map((anchor) => [anchor.textContent, anchor.href]))
    expect(pdfs.length === 2, 'a procès-verbal and a récépissé')
    await checkDocuments(citizen, pdfs)

    // 7. The package was handed over and acknowledged.
    await officer.until(() => /reçu/i.test(document.querySelector('[data-live="review"]').innerText), null, 'the hand-off is acknowledged')
    await seen(officer, 'transmission-acquittee')

    // 8. An auditor finds who did what.
    if (!firefox) await auditor(await desk())
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
