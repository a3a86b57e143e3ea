// A slot that is kept for five minutes, on a clock that the test moves: the page counts
// down, says it a minute before the end and at the end, and keeps it again. Without a
// script the hour stands there, and the button still says what happened.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Driver } from './driver.mjs'
import { assertAccessible, assertQuiet, assertReflows, launchChromium, person } from './lib.mjs'
import { people } from './people.mjs'
import { startService } from './service.mjs'

let browser
let service
before(async () => {
  service = await startService()
  browser = await launchChromium()
})
after(async () => {
  await browser?.close()
  await service?.stop()
})

for (const [locale, left, soon, over] of [
  ['fr-FR', /Il reste 3 min 5\d s/, /Il reste une minute/, /n’est plus gardé/],
  ['en-GB', /3 min 5\d s left/, /One minute left/, /no longer kept/],
]) {
  test(`a kept slot counts down and is kept again, ${locale}`, async () => {
    const { context, page, watch } = await person(browser, 'phone', { locale })
    const driver = new Driver(page, false)
    const key = locale === 'fr-FR' ? 'camille' : 'amina'
    try {
      await people(service.base).declares(driver, key)
      // The page's own clock stands still from now on, and moves when it is told to.
      await page.clock.install()
      await driver.follow('main form.vp-next-slot button')
      const review = new URL(page.url()).pathname
      assert.match(review, /confirmer$/)
      assert.equal(await page.locator('[data-hold-left]').isVisible(), true)
      const told = page.locator('[data-hold-told]')
      assert.equal(await told.getAttribute('aria-live'), 'polite')
      await page.clock.runFor(62_000)
      assert.match(await page.locator('[data-hold-left]').innerText(), left)
      assert.equal(await told.innerText(), '', 'nothing is said before the last minute')
      await page.clock.runFor(180_000)
      assert.match(await told.innerText(), soon)
      await assertAccessible(page, 'the last minute')
      await assertReflows(page, 'the last minute')
      await page.locator('[data-hold-confirm] button').focus()
      await page.clock.runFor(62_000)
      assert.match(await told.innerText(), over)
      assert.equal(await page.locator('[data-hold-confirm]').isVisible(), false)
      assert.equal(await page.locator('[data-hold-again]').isVisible(), true)
      assert.equal(await page.evaluate(() => document.activeElement?.closest('[data-hold-again]') !== null), true, 'the focus went along')
      await assertAccessible(page, 'the end')
      await assertReflows(page, 'the end')
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/hold-${locale}.png`, fullPage: true, caret: 'initial' })
      await driver.follow('[data-hold-again] button')
      assert.match(new URL(page.url()).pathname, /confirmer$/)
      assert.equal(await page.locator('[data-hold-confirm]').isVisible(), true)
      assertQuiet(watch)
    } finally {
      await context.close()
    }
  })
}
