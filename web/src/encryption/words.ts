// The check words: four French words that both sides read aloud to each other.
// They are equal if and only if nobody stands between (but for a chance of one
// in sixteen million million).
//
// Four words are few enough to be said and too few to be derived from the
// group's secret alone: whoever stands between could try keys until the words
// of both sides agree. So each member first commits to a random number, and
// shows it only when everybody has committed (as ZRTP does, RFC 6189 section
// 4.4.1.1): then there is one try, and nobody can choose.
//
// The words are French whatever the page's language, or they could not be
// compared. The list is BIP 39's (npm @scure/bip39, MIT), less some that nobody
// should have to say on such a day.

import { wordlist } from '@scure/bip39/wordlists/french.js'
import { type Bytes, concat, fromBigEndian, toBase64, utf8 } from './bytes'
import { type Member, encodeIdentity } from './group'

const HOW_MANY = 4

const hurtful = new Set(
  `abusif accabler accuser affreux agression angoisse armement armure arsenic assaut attaque atroce bafouer blafard blessant
  bourreau brutal bustier calvaire carabine caresser carnage chagrin cogner crier cruel cupide cyanure cynique danger débrider
  dénuder dérober désastre détresse duperie effrayer enfermer enlever ennemi fatal féroce féconder filer flairer fouiller
  foulure frapper frayeur frémir funeste fureur furieux gruger griffure hématome honteux horrible hurler incendie infliger
  injecter injure insulter irradier jouissif jugement lacérer lugubre maléfice malheur matraque maudire méchant menacer
  mensonge missile monstre morsure mortier munition nébuleux néfaste nocif nuire nuisible obscur offenser opprimer outrager
  paniquer pénétrer pénible perforer perte phobie prison priver psychose punitif ravager ravin sabre saboter scalpel scélérat
  séduire séminal sévir sinistre sottise supplier surmener suspect terrible torpille torrent toxine traction tragique trahir
  trancher tribunal tyran urticant vampire venger venimeux vexant vexer viande victime violon virus vorace`.split(/\s+/),
)

export const words: readonly string[] = wordlist.map((word) => word.normalize('NFC')).filter((word) => !hurtful.has(word))

export function freshNonce(): Bytes {
  return crypto.getRandomValues(new Uint8Array(32))
}

/** What a member says first: it binds them to their number and tells nothing about it. */
export async function commitment(authenticator: Bytes, leaf: number, nonce: Bytes): Promise<string> {
  const said = concat(utf8('VisioPlainte check words, commitment'), authenticator, Uint8Array.of(leaf >> 8, leaf & 255), nonce)
  return toBase64(new Uint8Array(await crypto.subtle.digest('SHA-256', said)))
}

/** The words of an epoch: from its secret, who everybody says they are, and everybody's number. */
export async function checkWords(authenticator: Bytes, members: readonly Member[], nonces: ReadonlyMap<number, Bytes>): Promise<string[]> {
  const parts = members
    .toSorted((a, b) => a.leaf - b.leaf)
    .map((member) => `${toBase64(encodeIdentity(member))} ${toBase64(nonces.get(member.leaf) ?? new Uint8Array())}`)
  const secret = await crypto.subtle.importKey('raw', authenticator, 'HKDF', false, ['deriveBits'])
  const info = utf8(`VisioPlainte check words\n${parts.join('\n')}`)
  // Eight bytes a word, so that taking the remainder favours no word.
  const bits = new Uint8Array(await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info }, secret, HOW_MANY * 64))
  return Array.from({ length: HOW_MANY }, (_, index) => {
    const number = fromBigEndian(bits.subarray(8 * index, 8 * index + 8))
    return words[Number(number % BigInt(words.length))] ?? ''
  })
}
