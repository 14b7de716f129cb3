// Loro: a map of tasks, each a map of fields; every edit a commit. The history stays.
import { LoroDoc, LoroMap, VersionVector } from 'loro-crdt'
import { documentPeer } from './harness.mjs'

documentPeer({
  package: 'loro-crdt',
  open(cell) {
    const doc = new LoroDoc()
    doc.setPeerId(BigInt(cell))
    return doc
  },
  edit(doc, id, field, value) {
    const tasks = doc.getMap('tasks')
    const task = tasks.get(id) ?? tasks.setContainer(id, new LoroMap())
    task.set(field, value)
    doc.commit()
    return doc
  },
  get: (doc, id, field) => doc.getMap('tasks').get(id)?.get(field),
  all: (doc) => doc.export({ mode: 'update' }),
  save: (doc) => doc.export({ mode: 'snapshot' }),
  apply(doc, bytes) {
    doc.import(bytes)
    return doc
  },
  exchange(from, to) {
    const asked = to.version().encode(), asking = from.version().encode()
    const news = from.export({ mode: 'update', from: VersionVector.decode(asked) })
    const back = to.export({ mode: 'update', from: VersionVector.decode(asking) })
    to.import(news)
    from.import(back)
    return { from, to, news, bytes: asked.length + asking.length + news.length + back.length }
  },
})
