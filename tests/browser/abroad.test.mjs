// Somebody who lives abroad, with the whole national list: where it happened decides, and
// for facts abroad the page says what to do instead; axe, a dark and a narrow screen, both
// languages, and without a script. With PICTURES=FOLDER it leaves a picture of each page.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Driver } from './driver.mjs'
import { assertAccessible, assertQuiet, assertReflows, launchChromium, person } from './lib.mjs'
import { people } from './people.mjs'
import { root, startService } from './service.mjs'

let browser
let service
before(async () => {
  service = await startService({ also: [['communes', join(root, 'web/node_modules/@etalab/decoupage-administratif/data')]] })
  browser = await launchChromium()
})
after(async () => {
  await browser?.close()
  await service?.stop()
})

for (const [javaScriptEnabled, locale, size, who] of [[true, 'fr-FR', 'phone', 'camille'], [true, 'en-GB', 'desktop', 'amina'], [false, 'fr-FR', 'phone', 'lisandru']]) {
  test(`where it happened decides for somebody abroad, ${locale}, ${size}, ${javaScriptEnabled ? 'with' : 'without'} scripts`, async () => {
    const { context, page, watch } = await person(browser, size, { javaScriptEnabled, locale })
    const looked = async (name) => {
      assert.doesNotMatch(await page.locator('main').innerText(), /\babroad-[a-z]+/, name)
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/abroad-${size}-${locale}-${name.replaceAll(' ', '-')}.png`, fullPage: true, caret: 'initial' })
      if (!javaScriptEnabled) return
      await assertAccessible(page, name)
      await page.emulateMedia({ colorScheme: 'dark' })
      await assertAccessible(page, `${name}, dark`)
      await page.emulateMedia({ colorScheme: 'light' })
      await assertReflows(page, name)
    }
    const driver = new Driver(page, false)
    try {
      await people(service.base).tellsContact(driver, who, 'Étranger')
      assert.equal(new URL(page.url()).pathname, '/declaration/etranger')
      await looked('where')
      await driver.follow('form[action="/declaration/etranger"] button')
      assert.equal(await page.locator('main .fr-message--error').count(), 1)
      await looked('to mend')
      await driver.press('input[name="lieu"][value="etranger"]')
      await driver.follow('form[action="/declaration/etranger"] button')
      await looked('the consulate')
      await driver.follow('main a[href="/declaration/etranger"]')
      await driver.press('input[name="lieu"][value="france"]')
      await driver.fill('#commune', 'Versailles')
      await driver.follow('form[action="/declaration/etranger"] button')
      assert.equal(new URL(page.url()).pathname, '/declaration/verification')
      assertQuiet(watch)
    } finally {
      await context.close()
    }
  })
}
