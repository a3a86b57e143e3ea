// Keys of the scheduling interface on the administrator's pages, in Chromium: as axe, a
// dark and a narrow screen find each page, in both languages and without a script; and a
// key that is made there opens the interface.

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

const LIST = '/administration/planification'
const asks = (key) => fetch(`${base}/api/visioplainte/guichets`, { headers: { 'X-VISIOPLAINTE-API-KEY': key } })

for (const [javaScriptEnabled, locale] of [[true, 'fr-FR'], [true, 'en-GB'], [false, 'fr-FR']]) {
  test(`a key is made, used, rotated and revoked, ${locale}, ${javaScriptEnabled ? 'with' : 'without'} scripts`, async () => {
    const { context, page, watch } = await person(browser, 'phone', { javaScriptEnabled, locale })
    // axe is a script itself.
    const looked = async (name) => {
      // A message without words shows its name.
      assert.doesNotMatch(await page.locator('main').innerText(), /\b(scheduling|admin)-[a-z]+-/, name)
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
      await driver.follow(`main a[href="${LIST}"]`)
      await looked('the keys')

      await driver.follow(`main a[href="${LIST}/nouvelle?unite=u-78-police"]`)
      await looked('the form')
      await driver.fill('#fin', '2020-01-01')
      await driver.follow('main form button[type="submit"]')
      assert.equal(await page.locator('main .fr-message--error').count(), 2)
      await looked('what to mend')
      await driver.fill('#nom', `Planning ${locale}`)
      await driver.fill('#fin', '')
      await driver.follow('main form button[type="submit"]')
      const first = await page.locator('#secret').innerText()
      assert.equal((await asks(first)).status, 200)
      await looked('the secret, once')

      await driver.follow(`main a[href^="${LIST}/"]`)
      const key = new URL(page.url()).pathname
      await driver.press('main details summary')
      await looked('a key without webhook')
      await driver.fill('#adresse', 'planning.example')
      await driver.follow(`main form[action="${key}/webhook"] button`)
      assert.equal(await page.locator('main .fr-message--error').count(), 1)
      await looked('an address to mend')
      // Nobody listens there: what happens is shown as not delivered.
      await driver.fill('#adresse', 'http://127.0.0.1:9/retours')
      await driver.follow(`main form[action="${key}/webhook"] button`)
      assert.match(await page.locator('#secret').innerText(), /^whsec_/)
      await looked('the secret that signs')

      await driver.go(`${base}${key}/rotation`)
      await looked('a rotation')
      await driver.press('#delai-1')
      await driver.follow('main form button[type="submit"]')
      const second = await page.locator('#secret').innerText()
      assert.deepEqual([(await asks(first)).status, (await asks(second)).status], [401, 200])
      const opens = await fetch(`${base}/api/visioplainte/creneaux/prochain?date_debut=${new Date().toISOString().slice(0, 10)}`, { headers: { 'X-VISIOPLAINTE-API-KEY': second } })
      const { starts_at } = await opens.json()
      const booked = await fetch(`${base}/api/visioplainte/rdvs?starts_at=${encodeURIComponent(starts_at)}`, { method: 'POST', headers: { 'X-VISIOPLAINTE-API-KEY': second } })
      assert.equal(booked.status, 201)
      for (;;) {
        await driver.go(`${base}${key}`)
        if (await page.locator('main .vp-panel').count() > 0) break
      }
      await looked('a webhook that is not delivered')

      await driver.go(`${base}${key}/revocation`)
      await looked('before it is revoked')
      await driver.follow(`main form[action="${key}/revocation"] button`)
      await driver.press('main details summary')
      await looked('revoked')
      assert.equal((await asks(second)).status, 401)
      await driver.go(`${base}${key}/rotation`)
      await looked('too late')
      assertQuiet(watch)
    } finally {
      await context.close()
    }
  })
}
