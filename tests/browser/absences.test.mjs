// What an administrator closes, in Chromium: as axe, a dark and a narrow screen
// find each page, in both languages, on a telephone and without a script.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Driver } from './driver.mjs'
import { assertAccessible, assertQuiet, assertReflows, launchChromium, person } from './lib.mjs'
import { startService } from './service.mjs'

let browser
let service
let base
before(async () => {
  service = await startService()
  base = service.base
  browser = await launchChromium()
})
after(async () => {
  await browser?.close()
  await service?.stop()
})

const DESK = '/administration/guichets/d-78-police-1'
const RULES = '/administration/unites/u-78-police/regles'
const inAYear = String(new Date().getUTCFullYear() + 1)

for (const [javaScriptEnabled, locale] of [[true, 'fr-FR'], [true, 'en-GB'], [false, 'fr-FR']]) {
  test(`a unit is closed, opened again and given rules, ${locale}, ${javaScriptEnabled ? 'with' : 'without'} scripts`, async () => {
    const { context, page, watch } = await person(browser, 'phone', { javaScriptEnabled, locale })
    // axe is a script itself.
    const looked = async (name) => {
      // A message without words shows its name.
      assert.doesNotMatch(await page.locator('main').innerText(), /\b(admin|holiday)-[a-z]+-/, name)
      if (!javaScriptEnabled) return
      await assertAccessible(page, name)
      await page.emulateMedia({ colorScheme: 'dark' })
      await assertAccessible(page, `${name}, dark`)
      await page.emulateMedia({ colorScheme: 'light' })
      await assertReflows(page, name)
    }
    const driver = new Driver(page, false)
    try {
      await driver.go(`${base}/administration/guichets`)
      await driver.follow('form[action="/agent/connexion/proconnect"] button')
      await driver.follow('button[name="personne"][value="admin-78"]')
      await looked('the desks')

      await driver.follow('main a[href^="/administration/absences"]')
      await looked('no absence')
      await driver.follow('main a[href*="/nouvelle"]')
      await looked('the form')
      await driver.fill('#premier_jour', '')
      await driver.follow('main form button[type="submit"]')
      assert.equal(await page.locator('main .fr-message--error').count(), 3)
      await looked('what to mend')
      await driver.fill('#premier_jour', `${inAYear}-03-02`)
      await driver.fill('#dernier_jour', `${inAYear}-03-05`)
      await driver.press('#motif-5')
      await driver.follow('main form button[type="submit"]')
      await looked('what it would cost')
      await driver.follow('main form[action="/administration/absences"] button')
      assert.equal(await page.locator('main form[action$="/retrait"]').count(), 1)
      await driver.press('main details summary')
      await looked('a closure')
      await driver.follow('main form[action$="/retrait"] button')
      assert.equal(await page.locator('main form[action$="/retrait"]').count(), 0)
      await looked('the closure was taken back')

      await driver.go(`${base}${DESK}/exceptions`)
      await looked('no exception')
      await driver.follow('main form:has(#jour) button')
      assert.equal(await page.locator('main .fr-message--error').count(), 2)
      await looked('an exception to mend')
      await driver.press('#plage-1')
      await driver.fill('#jour', `${inAYear}-03-10`)
      await driver.follow('main form:has(#jour) button')
      await looked('an exception')
      await driver.follow('main form:has(input[value="retirer"]) button')
      assert.equal(await page.locator('main input[value="retirer"]').count(), 0)

      await driver.go(`${base}${RULES}`)
      await driver.press('main details summary')
      await looked('the rules')
      await driver.fill('#creneau', '7')
      await driver.follow('main form button[type="submit"]')
      assert.equal(await page.locator('main .fr-message--error').count(), 1)
      await looked('rules to mend')
      await driver.fill('#creneau', '30')
      // The first button, which the Enter key presses too, shows what it would do.
      await driver.follow('main form button[value="verifier"]')
      assert.equal(await page.locator('#apercu li').count() > 0, true)
      await looked('rules seen first')
      await driver.follow('main form button[value="enregistrer"]')
      assert.equal(await page.locator('main .fr-alert--success').count(), 1)
      await looked('rules were set')
      assertQuiet(watch)
    } finally {
      await context.close()
    }
  })
}
