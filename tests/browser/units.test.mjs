// The units of a department in Chromium: list, a new one, its sheet, closing one and
// opening it again, the rules' way back, one officer, a message of an incident; as axe, a dark and a narrow screen find each
// page, in both languages, on a telephone, at a desk and without a script.
// With PICTURES=FOLDER it leaves a picture of each.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Driver } from './driver.mjs'
import { assertAccessible, assertQuiet, assertReflows, launchChromium, person } from './lib.mjs'
import { startService } from './service.mjs'

let browser
before(async () => {
  browser = await launchChromium()
})
after(async () => {
  await browser?.close()
})

const UNITS = '/administration/unites'
const INCIDENTS = '/administration/incidents'
const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
const [yesterday, inTwoDays] = [day(-1), day(2)]
const RULES = `${UNITS}/u-974-police/regles`

for (const [javaScriptEnabled, locale, size] of [[true, 'fr-FR', 'phone'], [true, 'en-GB', 'desktop'], [false, 'fr-FR', 'phone']]) {
  test(`a department sets up its units, ${locale}, ${size}, ${javaScriptEnabled ? 'with' : 'without'} scripts`, async () => {
    const service = await startService()
    const { base } = service
    const { context, page, watch } = await person(browser, size, { javaScriptEnabled, locale })
    let number = 0
    const looked = async (name) => {
      // A message without words shows its name.
      assert.doesNotMatch(await page.locator('main').innerText(), /\b(admin|unit|units|rules|coverage|incident|officer)-[a-z]+(-[a-z]+)*\b/, name)
      number += 1
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/units-${size}-${locale}-${String(number).padStart(2, '0')}-${name.replaceAll(' ', '-')}.png`, fullPage: true, caret: 'initial' })
      if (!javaScriptEnabled) return
      await assertAccessible(page, name)
      await page.emulateMedia({ colorScheme: 'dark' })
      await assertAccessible(page, `${name}, dark`)
      await page.emulateMedia({ colorScheme: 'light' })
      await assertReflows(page, name)
    }
    /** What is shown before it is done has the focus, so that nobody has to look for it. */
    const shown = async (name) => {
      assert.equal(await page.locator('#apercu li').count() > 0, true, name)
      if (javaScriptEnabled) assert.equal(await page.evaluate(() => document.activeElement?.id), 'apercu', name)
      await looked(name)
    }
    const driver = new Driver(page, false)
    try {
      await driver.go(`${base}${UNITS}`)
      await driver.follow('form[action="/agent/connexion/proconnect"] button')
      await driver.follow('button[name="personne"][value="admin-974"]')
      await looked('units')

      await driver.follow(`main a[href="${UNITS}/nouvelle"]`)
      await looked('a new unit')
      await driver.follow('main form button[value="verifier"]')
      assert.equal(await page.locator('main .fr-message--error').count() >= 7, true)
      await looked('a sheet to mend')
      await driver.fill('#nom', 'Brigade de la Ravine (unité fictive)')
      await driver.press('#genre-2')
      await driver.fill('#adresse', '4 rue de l’Exemple')
      await driver.fill('#code_postal', '97426')
      await driver.fill('#ville', 'La Ravine')
      await driver.fill('#telephone', '02 61 91 97 43')
      await driver.fill('#courriel', 'brigade-ravine@visioplainte.example')
      await driver.fill('#horaires', 'Du lundi au vendredi, 8 h – 18 h')
      await driver.follow('main form button[value="verifier"]')
      await shown('a new unit seen first')
      await driver.follow('main form button[value="enregistrer"]')
      assert.equal(await page.locator('.vp-unit').count(), 3)
      await looked('a unit was added')

      await driver.go(`${base}${UNITS}/u-974-gendarmerie/fiche`)
      await driver.fill('#telephone', '02 61 91 97 44')
      await driver.follow('main form button[value="verifier"]')
      await shown('a sheet seen first')
      await driver.follow('main form button[value="enregistrer"]')
      await looked('a sheet with its history')

      await driver.go(`${base}${UNITS}/u-974-gendarmerie/fermeture`)
      await looked('closing')
      await page.selectOption('#reprise', 'u-974-police')
      await driver.follow('main form button[value="verifier"]')
      await looked('closing with an heir')
      await driver.follow('main form button[value="fermer"]')
      assert.match(await driver.text('main .fr-badge--warning'), /Ferm|Closed/i)
      await looked('a closed unit')
      await driver.go(`${base}/administration/couverture`)
      assert.equal(await page.locator('.vp-history > li').count(), 1)
      await driver.press('main .vp-history details summary')
      await looked('the coverage says what became of its communes')
      await driver.go(`${base}${UNITS}/u-974-gendarmerie/reouverture`)
      await looked('opening again')
      await driver.follow('main form button[type="submit"]')
      assert.equal(await page.locator('main .fr-badge--warning').count(), 0)

      await driver.go(`${base}${RULES}`)
      await driver.fill('#creneau', '45')
      await driver.follow('main form button[value="verifier"]')
      await shown('rules seen first')
      await driver.follow('main form button[value="enregistrer"]')
      await looked('rules with their history')
      await driver.follow('main form.vp-undo button')
      assert.equal(await page.inputValue('#creneau'), '30')
      await driver.go(`${base}/administration/habilitations`)
      await driver.follow('main .vp-desk h3 a')
      assert.equal(await page.locator('main .vp-officer-rights li').count() >= 1, true)
      await looked('one officer')

      await driver.go(`${base}${INCIDENTS}`)
      await looked('no incident')
      await driver.fill('#message_fr', 'La vidéo est coupée jusqu’à ce soir. Les rendez-vous restent.')
      await driver.fill('#message_en', 'Video is down until this evening. Appointments stay.')
      await driver.follow('main form button[value="verifier"]')
      assert.equal(await page.locator('main .fr-message--error').count(), 2)
      await looked('an incident to mend')
      await driver.fill('#debut_jour', yesterday)
      await driver.fill('#debut_heure', '08:00')
      await driver.fill('#fin_jour', inTwoDays)
      await driver.fill('#fin_heure', '20:00')
      await driver.follow('main form button[value="verifier"]')
      assert.equal(await page.locator('#apercu .fr-notice').count(), 2)
      await looked('an incident seen first')
      await driver.follow('main form button[value="publier"]')
      assert.match(await page.locator('.vp-incident').innerText(), /jusqu’à ce soir|until this evening/)
      await looked('an incident stands')
      await driver.follow('main form[action$="/retrait"] button')
      assert.equal(await page.locator('.vp-incident').count(), 0)
      await driver.go(`${base}/en-personne?unite=u-974-police`)
      assert.equal(await page.locator('.vp-unit-sheet').count(), 1)
      await looked('in person')
      assertQuiet(watch)
    } finally {
      await context.close()
      await service.stop()
    }
  })
}
