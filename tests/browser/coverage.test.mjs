// The whole national list in a service of its own, and the pages on which a
// department says where video is offered: axe, a dark and a narrow screen, both
// languages, on a telephone and without a script.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Driver } from './driver.mjs'
import { assertAccessible, assertQuiet, assertReflows, launchChromium, person } from './lib.mjs'
import { root, startService } from './service.mjs'

let browser
let service
let base
before(async () => {
  service = await startService({ also: [['communes', join(root, 'web/node_modules/@etalab/decoupage-administratif/data')]] })
  base = service.base
  browser = await launchChromium()
})
after(async () => {
  await browser?.close()
  await service?.stop()
})

const PAGE = '/administration/couverture'

for (const [javaScriptEnabled, locale] of [[true, 'fr-FR'], [true, 'en-GB'], [false, 'fr-FR']]) {
  test(`a department says who receives whom, ${locale}, ${javaScriptEnabled ? 'with' : 'without'} scripts`, async () => {
    const { context, page, watch } = await person(browser, 'phone', { javaScriptEnabled, locale })
    const looked = async (name) => {
      assert.doesNotMatch(await page.locator('main').innerText(), /\badmin-[a-z]+-/, name)
      if (!javaScriptEnabled) return
      await assertAccessible(page, name)
      await page.emulateMedia({ colorScheme: 'dark' })
      await assertAccessible(page, `${name}, dark`)
      await page.emulateMedia({ colorScheme: 'light' })
      await assertReflows(page, name)
    }
    const table = `main form[action="${PAGE}/unites"]`
    const driver = new Driver(page, false)
    try {
      await driver.go(`${base}${PAGE}`)
      await driver.follow('form[action="/agent/connexion/proconnect"] button')
      await driver.follow('button[name="personne"][value="admin-974"]')
      // All 24 communes of Réunion are in the official list.
      assert.match(await driver.text('main'), /\b24\b/)
      await looked('the coverage')

      await driver.fill('#tableau', 'code_insee;unite\n75056;u-974-police\n97423;u-78-police\n')
      await driver.follow(`${table} button[value="verifier"]`)
      assert.equal(await page.locator('main .fr-alert--error li').count(), 2)
      await looked('a table to mend')
      await driver.fill('#tableau', 'code_insee;unite\n97423;u-974-police\n97421;\n')
      await driver.follow(`${table} button[value="verifier"]`)
      assert.equal(await page.locator('#apercu li').count() >= 3, true)
      await looked('what a table would do')
      await driver.follow(`${table} button[value="enregistrer"]`)
      assert.equal(await page.locator('main .fr-alert--success').count(), 1)
      await looked('a table was kept')

      await driver.fill('#commune', '75056')
      await driver.follow(`main form[action="${PAGE}"] button`)
      assert.equal(await page.locator('main .fr-message--error').count(), 2)
      await looked('a closure to mend')
      await driver.fill('#commune', '97423')
      await driver.press('#ouverte-non')
      await driver.fill('#message', 'Travaux à la mairie.')
      await driver.follow(`main form[action="${PAGE}"] button`)
      assert.equal(await page.locator('#effet li').count() > 0, true)
      await looked('what a closure would do')
      await driver.follow(`main form[action="${PAGE}"] button[value="enregistrer"]`)
      assert.match(await driver.text('main'), /Les Trois-Bassins \(97423\) – Travaux à la mairie/)
      await looked('a commune is closed')
      await driver.fill('#commune', '97423')
      await driver.press('#ouverte-oui')
      await driver.follow(`main form[action="${PAGE}"] button`)
      await driver.follow(`main form[action="${PAGE}"] button[value="enregistrer"]`)
      assert.doesNotMatch(await driver.text('main'), /Travaux à la mairie/)
      assertQuiet(watch)
    } finally {
      await context.close()
    }
  })
}
