// The script of every page: the design system's behaviours (menu, modal,
// theme), then our own, each of which attaches itself to the elements that ask
// for it by a data attribute. A page that has none of them is left alone.

import './dsfr'


import { attachQuickExit } from './shared/quick-exit'

attachQuickExit(document)


