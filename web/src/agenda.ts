// The script of the officers' week: draws it as a grid. Loaded by that page alone,
// because a calendar library weighs more than everything else a page loads.

import { attachWeekGrid } from './agenda/grid'

attachWeekGrid(document)
