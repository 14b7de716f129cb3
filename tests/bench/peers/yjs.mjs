// Yjs: a map of tasks, each a map of fields; every edit a transaction. Overwritten values are dropped by its garbage collection.
import * as Y from 'yjs'
import { documentPeer } from './harness.mjs'

documentPeer({
  package: 'yjs',
  open(cell) {
    const doc = new Y.Doc()
    doc.clientID = cell
    return doc
  },
  edit(doc, id, field, value) {
    doc.transact(() => {
      const tasks = doc.getMap('tasks')
      if (!tasks.has(id)) tasks.set(id, new Y.Map())
      tasks.get(id).set(field, value)
    })
    return doc
  },
  get: (doc, id, field) => doc.getMap('tasks').get(id)?.get(field),
  all: (doc) => Y.encodeStateAsUpdate(doc),
  save: (doc) => Y.encodeStateAsUpdate(doc),
  apply(doc, bytes) {
    Y.applyUpdate(doc, bytes)
    return doc
  },
  exchange(from, to) {
    // state vectors both ways, then what each lacks: the sync protocol's steps 1 and 2, of which the second always tells all deletions
    const asked = Y.encodeStateVector(to), asking = Y.encodeStateVector(from)
    const news = Y.encodeStateAsUpdate(from, asked), back = Y.encodeStateAsUpdate(to, asking)
    Y.applyUpdate(to, news)
    Y.applyUpdate(from, back)
    return { from, to, news, bytes: asked.length + asking.length + news.length + back.length }
  },
})
