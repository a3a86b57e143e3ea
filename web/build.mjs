// Builds what the browser gets, into `dist/`: one style sheet, one script for
// every page, one script for the call, the fonts, and `manifest.json` (logical
// name to hashed file) which the service reads when it starts.
//
// The design system ships far more than we use, so its files are read through
// `designSystem` below, which leaves out the State's own typeface and keeps
// only the icons that a template or a script names. Nothing here runs in the
// service, and the service's own build never calls it.

import { build } from 'esbuild'
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const here = dirname(fileURLToPath(import.meta.url))
const dist = join(here, 'dist')
const dsfr = join(here, 'node_modules/@gouvfr/dsfr/dist')

/** The name under which a template asks for a file, and the file it is made from. */
const entries = {
  'app.css': 'src/style/app.css',
  'app.js': 'src/app.ts',
  'agenda.css': 'src/agenda/grid.css',
  'agenda.js': 'src/agenda.ts',
  'call.js': 'src/call.ts',
  'encryption.js': 'src/encryption/worker.ts',
  'favicon.svg': 'src/style/favicon.svg',
  'public-sans.woff2': 'node_modules/@fontsource-variable/public-sans/files/public-sans-latin-wght-normal.woff2',
}

await rm(dist, { recursive: true, force: true })
await mkdir(dist, { recursive: true })

const usedIcons = await findUsedIcons()
const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: Object.values(entries),
  outdir: dist,
  entryNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2022', 'safari15.4', 'firefox115', 'chrome109'],
  charset: 'utf8',
  // Icons are a few hundred bytes each: in the style sheet they cost less than
  // a request a piece, and no icon blinks in after the text around it.
  loader: { '.woff2': 'file', '.svg': 'dataurl' },
  legalComments: 'eof',
  metafile: true,
  logLevel: 'warning',
  plugins: [designSystem(), copied()],
})
await writeManifest(metafile)

/** Reads the design system's style sheets, less what we do not or may not use. */
function designSystem() {
  return {
    name: 'design-system',
    setup(plugin) {
      plugin.onResolve({ filter: /^dsfr:used-icons$/ }, () => ({ path: 'used-icons.css', namespace: 'used-icons' }))
      plugin.onLoad({ filter: /.*/, namespace: 'used-icons' }, async () => ({
        contents: await iconRules(),
        loader: 'css',
        resolveDir: join(dsfr, 'utility/icons/icons-system'),
      }))
      plugin.onLoad({ filter: /dsfr[\\/]dist[\\/].*\.css$/ }, async ({ path }) => {
        let css = await readFile(path, 'utf8')
        // The Marianne face is reserved to the State's services; Spectral is not used.
        css = css.replace(/@font-face\{[^}]*\}/g, '')
        css = css.replace(/font-family:(Marianne|Spectral)[^;}]*/g, 'font-family:var(--font-family)')
        css = withoutForeignBrands(css)
        return { contents: systemScheme(css), loader: 'css', resolveDir: dirname(path) }
      })
    },
  }
}

/** Files that are served as they are, under a hashed name. */
function copied() {
  const wanted = [/favicon\.svg$/, /public-sans-latin-wght-normal\.woff2$/]
  return {
    name: 'copied',
    setup(plugin) {
      for (const filter of wanted) {
        plugin.onLoad({ filter }, async ({ path }) => ({ contents: await readFile(path), loader: 'copy' }))
      }
    },
  }
}

/**
 * The State's drawings (bloc-marque, and the profile in FranceConnect's mark)
 * may be shown only by those it lets: they are dropped unless the deployment
 * says that it is one of them.
 */
function withoutForeignBrands(css) {
  if (process.env.VISIOPLAINTE_IDENTITY === 'state') return css
  return mapRules(css, (selectors, body) => {
    const kept = selectors.filter((selector) => !/\.fr-logo\b/.test(selector))
    if (kept.length === 0) return ''
    const plain = /^\.fr-connect\b.*before$/.test(kept[0]) ? body.replace(/background-image:url\("[^"]*"\);?/g, '') : body
    return `${kept.join(',')}{${plain}}`
  })
}

/**
 * The design system turns dark only by script. Each rule written for the dark
 * theme is repeated for a person whose system is dark and whose browser has
 * run no script yet, or never will.
 */
function systemScheme(css) {
  if (!css.includes('data-fr-theme=dark')) return css
  const forSystem = []
  const withTheme = mapRules(css, (selectors, body) => {
    const dark = selectors.filter((selector) => selector.startsWith(':root[data-fr-theme=dark]'))
    if (dark.length > 0) {
      const system = dark.map((selector) =>
        selector.replace(':root[data-fr-theme=dark]', ':root[data-fr-scheme=system]:not([data-fr-theme])'),
      )
      forSystem.push(`${system.join(',')}{${body}}`)
    }
    return `${selectors.join(',')}{${body}}`
  })
  return `${withTheme}@media (prefers-color-scheme:dark){${forSystem.join('')}}`
}

/** Only the icons' rules whose class is named somewhere in our templates or scripts. */
async function iconRules() {
  const all = await readFile(join(dsfr, 'utility/icons/icons.main.min.css'), 'utf8')
  const kept = mapRules(all, (selectors, body) => {
    const used = selectors.filter((selector) => {
      const name = /^\.(fr-icon-[a-z0-9-]+)/.exec(selector)?.[1]
      return name === undefined || usedIcons.has(name)
    })
    return used.length === 0 ? '' : `${used.join(',')}{${body}}`
  })
  return kept.replaceAll('url(../../icons/', `url(${dsfr}/icons/`)
}

async function findUsedIcons() {
  const used = new Set()
  for (const folder of ['templates', 'src']) {
    for (const name of await readdir(join(here, folder), { recursive: true })) {
      if (!/\.(html|ts|css)$/.test(name)) continue
      const text = await readFile(join(here, folder, name), 'utf8')
      for (const [icon] of text.matchAll(/fr-icon-[a-z0-9-]+/g)) used.add(icon)
    }
  }
  return used
}

/**
 * Rewrites each plain rule of a minified style sheet; at-rules that hold rules
 * are entered, everything else is left as it is.
 */
function mapRules(css, rewrite) {
  let out = ''
  let at = 0
  while (at < css.length) {
    if (css.startsWith('/*', at)) {
      const end = css.indexOf('*/', at) + 2
      out += css.slice(at, end)
      at = end
      continue
    }
    const open = endOfPrelude(css, at)
    if (open === -1) return out + css.slice(at)
    const prelude = css.slice(at, open)
    if (css[open] === ';') {
      out += `${prelude};`
      at = open + 1
      continue
    }
    const close = matchingBrace(css, open)
    const body = css.slice(open + 1, close)
    if (/^@(media|supports|layer|container)/.test(prelude)) out += `${prelude}{${mapRules(body, rewrite)}}`
    else if (prelude.startsWith('@')) out += `${prelude}{${body}}`
    else out += rewrite(splitSelectors(prelude), body)
    at = close + 1
  }
  return out
}

function endOfPrelude(css, from) {
  for (let at = from; at < css.length; at++) {
    if (css[at] === '"' || css[at] === "'") at = css.indexOf(css[at], at + 1)
    else if (css[at] === '{' || css[at] === ';') return at
  }
  return -1
}

function matchingBrace(css, open) {
  let depth = 0
  for (let at = open; at < css.length; at++) {
    if (css[at] === '"' || css[at] === "'") at = css.indexOf(css[at], at + 1)
    else if (css[at] === '{') depth++
    else if (css[at] === '}' && --depth === 0) return at
  }
  throw new Error('a style sheet of the design system has an unclosed brace')
}

/** Splits at the commas that are not inside `:not(…)` or `[…]`. */
function splitSelectors(prelude) {
  const selectors = []
  let depth = 0
  let start = 0
  for (let at = 0; at < prelude.length; at++) {
    if ('(['.includes(prelude[at])) depth++
    else if (')]'.includes(prelude[at])) depth--
    else if (prelude[at] === ',' && depth === 0) {
      selectors.push(prelude.slice(start, at))
      start = at + 1
    }
  }
  selectors.push(prelude.slice(start))
  return selectors
}

async function writeManifest(metafile) {
  const manifest = {}
  for (const [output, { entryPoint }] of Object.entries(metafile.outputs)) {
    const name = Object.entries(entries).find(([, source]) => source === entryPoint)?.[0]
    if (name !== undefined) manifest[name] = basename(output)
  }
  for (const name of Object.keys(entries)) {
    if (manifest[name] === undefined) throw new Error(`nothing was built for ${name}`)
  }
  await writeFile(join(dist, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)

  let total = 0
  for (const [name, file] of Object.entries(manifest)) {
    const size = gzipSync(await readFile(join(dist, file))).length
    if (!file.endsWith('.woff2')) total += size
    console.log(`${name.padEnd(18)} ${(size / 1024).toFixed(1).padStart(6)} kB compressed`)
  }
  console.log(`${'without fonts'.padEnd(18)} ${(total / 1024).toFixed(1).padStart(6)} kB`)
}
