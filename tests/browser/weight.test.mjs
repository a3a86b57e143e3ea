// What a first visit costs somebody on a poor line: everything that the start page
// loads, as the real service sends it to Chromium, without the fonts, which the
// page does not wait for.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertQuiet, launchChromium, person } from './lib.mjs'
import { startService } from './service.mjs'

const BUDGET_BYTES = 150_000

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

/** Runs in the page: what was loaded for it, and how many bytes of each body came by the network. */
const loaded = () =>
  [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].map(({ name, encodedBodySize, decodedBodySize, transferSize, responseStatus }) => ({
    path: new URL(name).pathname,
    sent: encodedBodySize,
    whole: decodedBodySize,
    cached: transferSize === 0,
    status: responseStatus,
  }))

for (const size of ['phone', 'desktop']) {
  test(`the first visit on a ${size} stays within ${BUDGET_BYTES / 1000} kB`, async () => {
    const { page, context, watch } = await person(browser, size)
    try {
      await page.goto(`${base}/`, { waitUntil: 'networkidle' })
      const files = (await page.evaluate(loaded)).filter(({ path }) => !path.endsWith('.woff2'))
      const told = files.map(({ path, sent }) => `${path} ${sent}`).join(', ')
      // A page whose parts did not come, or were not counted, weighs little.
      for (const end of ['/', '.css', '.js']) assert.ok(files.some(({ path, sent }) => path.endsWith(end) && sent > 1000), `${end} is counted: ${told}`)
      for (const { path, sent, whole, cached, status } of files) {
        assert.ok(status === 200 && !cached, `${path} was sent: ${status}`)
        if (/\.(css|js)$/.test(path)) assert.ok(sent < whole, `${path} is sent compressed: ${sent} of ${whole}`)
      }
      const total = files.reduce((sum, { sent }) => sum + sent, 0)
      console.log(`first visit on a ${size}: ${total} bytes (${told})`)
      assert.ok(total <= BUDGET_BYTES, `${total} bytes: ${told}`)
      assertQuiet(watch)
    } finally {
      await context.close()
    }
  })
}
