// The behaviours of `web/src` that need a real browser, each on a small page of
// its own under the service's own policy: live regions, the text that saves
// itself, the quick way out. Run with `node --test tests/browser` once
// `npm --prefix web run build` has been run.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { dirname, extname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assertQuiet, launchChromium, person } from './lib.mjs'

const dist = join(dirname(fileURLToPath(import.meta.url)), '../../web/dist')
const types = { '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' }
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; media-src 'self' blob:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

let browser
let manifest
before(async () => {
  manifest = JSON.parse(await readFile(join(dist, 'manifest.json'), 'utf8'))
  browser = await launchChromium()
})
after(() => browser?.close())

/** A service of one page: `answer` is asked first and may take the request. */
async function site(body, answer = () => false) {
  const server = createServer(async (request, response) => {
    if (await answer(request, response)) return
    const { pathname } = new URL(request.url, 'http://x')
    if (pathname.startsWith('/static/')) {
      const file = join(dist, pathname.slice('/static/'.length))
      response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' })
      response.end(await readFile(file))
      return
    }
    response.writeHead(pathname === '/' ? 200 : 404, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy })
    response.end(
      `<!doctype html><html lang="fr" data-fr-scheme="system"><head><title>Essai</title><link rel="stylesheet" href="/static/${manifest['app.css']}"><link rel="icon" href="/static/${manifest['favicon.svg']}"><script type="module" src="/static/${manifest['app.js']}"></script></head><body><main>${typeof body === 'function' ? body() : body}</main></body></html>`,
    )
  })
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const close = () => {
    server.closeAllConnections()
    return new Promise((closed) => server.close(closed))
  }
  return { url: `http://127.0.0.1:${server.address().port}/`, close }
}

async function bodyOf(request) {
  let body = ''
  for await (const chunk of request) body += chunk
  return new URLSearchParams(body)
}

test('a live region follows the server, keeps the focus, and catches up after a break', async () => {
  let count = 1
  const listeners = new Set()
  const html = () =>
    `<div data-live-url="/evenements"><section data-live="compte"><button type="button" id="bouton">Compte ${count}</button><p data-announce="Il y en a ${count}">${count}</p></section></div>`
  const { url, close } = await site(html, (request, response) => {
    if (request.url !== '/evenements') return false
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write('retry: 50\n\n')
    listeners.add(response)
    response.on('close', () => listeners.delete(response))
    return true
  })
  const { page, context, watch } = await person(browser, 'desktop')
  try {
    await page.goto(url)
    await page.waitForSelector('[data-live-open]')
    await page.focus('#bouton')
    count = 2
    for (const listener of listeners) listener.write('event: region\ndata: {"id":"compte"}\n\n')
    await page.waitForFunction(() => document.querySelector('#bouton')?.textContent === 'Compte 2')
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'bouton')
    assert.equal(await page.textContent('[role="status"]'), 'Il y en a 2')

    // What is no event of ours changes nothing; a region that is not there neither.
    for (const listener of listeners) listener.write('event: region\ndata: not json\n\nevent: region\ndata: {"id":"<img>"}\n\n')
    count = 3
    for (const listener of listeners) listener.end()
    await page.waitForFunction(() => document.querySelector('#bouton')?.textContent === 'Compte 3')
    assertQuiet(watch)
  } finally {
    await context.close()
    await close()
  }
})

test('nobody’s typing is taken away by a live region', async () => {
  let note = 'ancien'
  const listeners = new Set()
  const html = () => `<div data-live-url="/evenements"><section data-live="note"><label>Note <input id="note" value="${note}"></label></section></div><button id="ailleurs">Ailleurs</button>`
  const { url, close } = await site(html, (request, response) => {
    if (request.url !== '/evenements') return false
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(':\n\n')
    listeners.add(response)
    return true
  })
  const { page, context } = await person(browser, 'desktop')
  try {
    await page.goto(url)
    await page.waitForSelector('[data-live-open]')
    await page.fill('#note', 'en train d’écrire')
    note = 'nouveau'
    const fetched = page.waitForResponse(url)
    for (const listener of listeners) listener.write('event: region\ndata: {"id":"note"}\n\n')
    await (await fetched).finished()
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
    assert.equal(await page.inputValue('#note'), 'en train d’écrire')
    await page.focus('#ailleurs')
    await page.waitForFunction(() => document.querySelector('#note')?.value === 'nouveau')
  } finally {
    await context.close()
    await close()
  }
})

test('a text saves itself, on the version it got, and another form waits for it', async () => {
  const saved = []
  const reviews = []
  const { url, close } = await site(
    `<form method="post" action="/texte"><textarea id="texte" name="texte" data-autosave-url="/texte" data-csrf="j" data-version="1" data-autosave-status="etat" data-t-saved="Enregistré à {time}"></textarea></form><p id="etat"></p><form method="post" action="/relecture"><button id="relire" name="quoi" value="relire">Relire</button></form>`,
    async (request, response) => {
      if (request.method !== 'POST') return false
      const body = await bodyOf(request)
      if (request.url === '/texte') {
        saved.push([body.get('csrf'), body.get('version'), body.get('texte')])
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ version: saved.length + 1 }))
      } else {
        reviews.push([body.get('quoi'), saved.length])
        response.writeHead(200, { 'content-type': 'text/html' })
        response.end('<title>Relecture</title>')
      }
      return true
    },
  )
  const { page, context, watch } = await person(browser, 'desktop')
  try {
    await page.goto(url)
    await page.waitForSelector('[data-autosave-state]')
    await page.fill('#texte', 'Je déclare')
    await page.waitForFunction(() => /^Enregistré à \d\d:\d\d$/.test(document.querySelector('#etat').textContent))
    await page.fill('#texte', 'Je déclare ceci')
    await page.click('#relire')
    await page.waitForFunction(() => document.title === 'Relecture')
    assert.deepEqual(saved, [
      ['j', '1', 'Je déclare'],
      ['j', '2', 'Je déclare ceci'],
    ])
    assert.deepEqual(reviews, [['relire', 2]])
    assertQuiet(watch)
  } finally {
    await context.close()
    await close()
  }
})

test('another’s version stops the saving, says so aloud, and keeps the text', async () => {
  const { url, close } = await site(
    `<textarea id="texte" name="texte" data-autosave-url="/texte" data-csrf="j" data-version="1" data-autosave-status="etat"></textarea><p id="etat"></p>`,
    (request, response) => {
      if (request.method !== 'POST') return false
      response.writeHead(409, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ message: 'Ce texte a été modifié ailleurs.' }))
      return true
    },
  )
  const { page, context } = await person(browser, 'desktop')
  try {
    await page.goto(url)
    await page.waitForSelector('[data-autosave-state]')
    await page.fill('#texte', 'Le mien')
    await page.waitForSelector('#etat[role="alert"]')
    assert.equal(await page.textContent('#etat'), 'Ce texte a été modifié ailleurs.')
    assert.equal(await page.inputValue('#texte'), 'Le mien')
  } finally {
    await context.close()
    await close()
  }
})

test('the quick way out empties the page and leaves no way back to it', async () => {
  const { url: elsewhere, close: closeElsewhere } = await site('<p>La météo</p>')
  const { url, close } = await site(`<p id="secret">Ma plainte</p><a href="${elsewhere}" data-quick-exit>Quitter vite</a>`)
  const { page, context } = await person(browser, 'phone')
  try {
    await page.goto('about:blank')
    await page.goto(url)
    await page.click('[data-quick-exit]')
    await page.waitForURL(elsewhere)
    await page.goBack()
    assert.equal(page.url(), 'about:blank')
  } finally {
    await context.close()
    await close()
    await closeElsewhere()
  }
})
