// Automerge: a map of tasks, each a map of fields; every edit a change. The history stays, and both values of a conflict. Its sync keeps what
// the two shared last, as its documentation advises; without that each meeting sends a filter over all changes.
import * as A from '@automerge/automerge'
import { documentPeer } from './harness.mjs'

const states = { from: A.initSyncState(), to: A.initSyncState() }
const again = (s) => A.decodeSyncState(A.encodeSyncState(s)) // a new meeting of two who have met

const actor = (cell) => cell.toString(16).padStart(32, '0')

documentPeer({
  package: '@automerge/automerge',
  open: (cell) => A.init({ actor: actor(cell) }),
  fresh: (cell, bytes) => A.load(bytes, { actor: actor(cell) }),
  edit: (doc, id, field, value) =>
    A.change(doc, (d) => {
      d[id] ??= {}
      d[id][field] = value
    }),
  get: (doc, id, field) => doc[id]?.[field],
  all: (doc) => A.save(doc),
  save: (doc) => A.save(doc),
  apply: (doc, bytes) => A.loadIncremental(doc, bytes),
  close: (doc) => A.free(doc),
  exchange(from, to) {
    let a = again(states.from), b = again(states.to), x, y, bytes = 0
    const before = A.getHeads(to)
    do {
      ;[a, x] = A.generateSyncMessage(from, a)
      if (x) [to, b] = A.receiveSyncMessage(to, b, x)
      ;[b, y] = A.generateSyncMessage(to, b)
      if (y) [from, a] = A.receiveSyncMessage(from, a, y)
      bytes += (x?.length ?? 0) + (y?.length ?? 0)
    } while (x || y)
    states.from = a
    states.to = b
    return { from, to, news: A.saveSince(to, before), bytes }
  },
})
