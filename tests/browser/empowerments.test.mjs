// Giving and taking back a right in Chromium: as axe, a dark and a narrow screen
// find each page, on a telephone and without a script.

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

const LIST = '/administration/habilitations'

async function signsIn(page, who, wanted) {
  const driver = new Driver(page, false)
  await driver.go(`${base}${wanted}`)
  await driver.follow('form[action="/agent/connexion/proconnect"] button')
  await driver.follow(`button[name="personne"][value="${who}"]`)
  return driver
}

for (const javaScriptEnabled of [true, false]) {
  test(`a right is asked for, given and taken back, ${javaScriptEnabled ? 'with' : 'without'} scripts`, async () => {
    const paul = await person(browser, 'phone', { javaScriptEnabled })
    const nadia = await person(browser, 'phone', { javaScriptEnabled })
    // axe is a script itself.
    const looked = async (page, name) => {
      if (!javaScriptEnabled) return
      await assertAccessible(page, name)
      await page.emulateMedia({ colorScheme: 'dark' })
      await assertAccessible(page, `${name}, dark`)
      await page.emulateMedia({ colorScheme: 'light' })
      await assertReflows(page, name)
    }
    try {
      const pauls = await signsIn(paul.page, 'stranger', '/agent')
      await looked(paul.page, 'turned away')
      await pauls.follow('main a[href="/agent/habilitation/demande"]')
      await looked(paul.page, 'what is kept')
      await pauls.follow('main form[action$="/demande"] button')
      await looked(paul.page, 'the code')
      const code = (await paul.page.locator('main .fr-alert__title').innerText()).match(/D-\w+-\w+/)[0]

      const nadias = await signsIn(nadia.page, 'admin-78', LIST)
      await looked(nadia.page, 'the empowerments')
      await nadias.follow('main a[href*="/nouvelle"]')
      await looked(nadia.page, 'the form')
      await nadias.follow('main form[action$="/nouvelle"] button')
      assert.equal(await nadia.page.locator('main .fr-message--error').count(), 2)
      await looked(nadia.page, 'what to mend')
      await nadia.page.locator('#agent').fill(code.toLowerCase())
      await nadia.page.locator('#rio').fill(javaScriptEnabled ? '9078055' : '9078056')
      await nadia.page.locator('label[for="role-1"]').click()
      await nadias.follow('main form[action$="/nouvelle"] button')
      assert.match(await nadias.text('main'), /Paul Inconnu/)
      await looked(nadia.page, 'the question before a right is given')
      await nadias.follow(`main form[action="${LIST}"] button`)
      assert.equal(await nadia.page.locator('main .fr-alert--success').count(), 1)
      await looked(nadia.page, 'a right was given')
      await signsIn(paul.page, 'stranger', '/agent')
      assert.equal(new URL(paul.page.url()).pathname, '/agent')

      await nadias.follow('main li:has(h3:has-text("Paul Inconnu")) a[href$="/retrait"]')
      await looked(nadia.page, 'the question before a right is taken back')
      await nadias.follow('main form[action$="/retrait"] button')
      await nadia.page.locator('main details summary').first().click()
      assert.match(await nadias.text('main details'), /Paul Inconnu[\s\S]*Retirée/)
      await looked(nadia.page, 'a right was taken back')
      await paul.page.goto(`${base}/agent`)
      assert.equal(new URL(paul.page.url()).pathname, '/agent/connexion')
      assertQuiet(nadia.watch)
    } finally {
      await paul.context.close()
      await nadia.context.close()
    }
  })
}
