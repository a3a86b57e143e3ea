// The pages that say what a unit offers and how many places it had: neighbours that
// help out, slots released in steps, several appointments called off at once, counters.
// Axe in both themes, a narrow screen, both languages.

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

const NEIGHBOURS = '/administration/unites/u-974-police/voisines'
const RULES = '/administration/unites/u-974-police/regles'

for (const locale of ['fr-FR', 'en-GB']) {
  test(`what a unit offers, and to whom, ${locale}`, async () => {
    const { context, page, watch } = await person(browser, 'desktop', { locale })
    const looked = async (name) => {
      await assertAccessible(page, name)
      await page.emulateMedia({ colorScheme: 'dark' })
      await assertAccessible(page, `${name}, dark`)
      await page.emulateMedia({ colorScheme: 'light' })
      await assertReflows(page, name)
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/${locale}-${name.replaceAll(' ', '-')}.png`, fullPage: true, caret: 'initial' })
    }
    const driver = new Driver(page, false)
    try {
      await driver.go(`${base}${NEIGHBOURS}`)
      await driver.follow('form[action="/agent/connexion/proconnect"] button')
      await driver.follow('button[name="personne"][value="admin-974"]')
      await looked('neighbours none')
      const form = `main form[action="${NEIGHBOURS}"]`
      await driver.fill('#jours', '91')
      await driver.follow(`${form} button[value="verifier"]`)
      assert.ok((await page.locator('main .fr-message--error, main .fr-error-text').count()) > 0)
      await looked('neighbours to mend')
      await driver.fill('#jours', '3')
      await page.selectOption('#rang_1', 'u-974-gendarmerie')
      await driver.follow(`${form} button[value="verifier"]`)
      await looked('neighbours seen first')
      await driver.follow(`${form} button[value="enregistrer"]`)
      await looked('neighbours kept')
      await driver.go(`${base}${RULES}`)
      await looked('rules with a release in steps')
      await driver.go(`${base}/administration/compteurs`)
      await looked('counters')
      assertQuiet(watch)
    } finally {
      await context.close()
    }
  })
}

test('several appointments are looked at before they are called off', async () => {
  const { context, page, watch } = await person(browser, 'phone')
  const driver = new Driver(page, false)
  try {
    await driver.go(`${base}/agent/annulations`)
    await driver.follow('form[action="/agent/connexion/proconnect"] button')
    await driver.follow('button[name="personne"][value="78-police"]')
    await assertAccessible(page, 'nobody to call off')
    await assertReflows(page, 'nobody to call off')
    assertQuiet(watch)
  } finally {
    await context.close()
  }
})
