// PouchDB on LevelDB: a document a task, a revision an edit. The hub is another process behind http on loopback, as its own server does it;
// bytes are those of the sockets, with http's heads.
import { fork } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import PouchDB from 'pouchdb'
import { ROUNDS, cellsOf, expect, median, peak, run, say, seconds, versionOf } from './harness.mjs'

PouchDB.setMaxListeners?.(0)
const database = (dir, name) => new PouchDB(path.join(dir, name))

async function serve(workload, dir) {
  const { default: express } = await import('express')
  const { default: expressPouchDB } = await import('express-pouchdb')
  const empty = peak()
  const app = express()
  const local = PouchDB.defaults({ prefix: dir + path.sep })
  app.use('/', expressPouchDB(local, { mode: 'minimumForPouchDB', inMemoryConfig: true, logPath: '/dev/null' }))
  const sockets = []
  const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
  server.on('connection', (s) => sockets.push(s))
  process.on('message', () =>
    process.send({ bytes: sockets.reduce((n, s) => n + s.bytesRead + s.bytesWritten, 0), peak: peak(), above: peak() - empty }))
  process.on('disconnect', () => process.exit(0))
}

async function prepare(cells, dir) {
  for (const [i, edits] of cells.entries()) {
    const db = database(dir, `cell${i}`)
    const left = new Map() // in rounds: the first edit of each task, then the second of each
    for (const e of edits) left.set(e.id, [...(left.get(e.id) ?? []), e])
    const docs = new Map()
    while (left.size) {
      const round = []
      for (const [id, list] of left) {
        const e = list.shift()
        const doc = { ...(docs.get(id) ?? { _id: id }), [e.field]: e.value }
        docs.set(id, doc)
        round.push(doc)
        if (!list.length) left.delete(id)
      }
      for (const r of await db.bulkDocs(round)) docs.get(r.id)._rev = r.rev
    }
    await db.close()
  }
  say('version', versionOf('pouchdb'))
}

async function writeRate(dir, edits) {
  const db = database(dir, 'writes'), docs = new Map()
  const start = seconds()
  for (const e of edits) {
    const doc = { ...(docs.get(e.id) ?? { _id: e.id }), [e.field]: e.value }
    doc._rev = (await db.put(doc)).rev
    docs.set(e.id, doc)
  }
  say('commit_rate', edits.length / (seconds() - start))
  await db.destroy()
}

async function hub(workload, dir) {
  const cells = cellsOf(workload)
  const place = path.join(dir, 'hub')
  fs.rmSync(place, { recursive: true, force: true })
  fs.mkdirSync(place)
  await writeRate(dir, cells[0])
  const server = fork(process.argv[1], ['serve', workload, place], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const word = () => new Promise((resolve) => server.once('message', resolve))
  const told = async () => {
    const answer = word()
    server.send('tell')
    return answer
  }
  const { port } = await word()
  const remote = () => new PouchDB(`http://127.0.0.1:${port}/ward`)
  await remote().info()

  let took = 0
  for (let i = 0; i < cells.length; i++) {
    const db = database(dir, `cell${i}`)
    const start = seconds()
    await db.replicate.to(remote(), { batch_size: 1000 })
    took += seconds() - start
    await db.close()
  }
  say('ingest_rate', cells.reduce((n, c) => n + c.length, 0) / took)
  const after = await told()
  say('peak', after.peak)
  say('above', after.above)
  const size = (d) => fs.readdirSync(d, { recursive: true }).reduce((n, f) => n + fs.statSync(path.join(d, f)).size, 0)
  say('file_b', size(place))

  const other = database(dir, 'other')
  let start = seconds()
  await other.replicate.from(remote(), { batch_size: 1000 })
  say('copy_s', seconds() - start)
  say('copy_b', (await told()).bytes - after.bytes)
  const want = new Map()
  for (const edits of cells) for (const e of edits) want.set(`${e.id} ${e.field}`, e)
  const got = new Map((await other.allDocs({ include_docs: true })).rows.map((r) => [r.id, r.doc]))
  for (const e of want.values()) expect(got.get(e.id)?.[e.field] === e.value, `${e.id} ${e.field} is not what was written`)

  await other.sync(remote())
  const noop = [], one = []
  let noopBytes, oneBytes
  for (let i = 0; i < ROUNDS; i++) {
    let before = (await told()).bytes
    start = seconds()
    await other.sync(remote())
    noop.push((seconds() - start) * 1e3)
    noopBytes = (await told()).bytes - before
    const doc = await other.get('c0t0')
    before = (await told()).bytes
    start = seconds()
    await other.put({ ...doc, percent: 1000 + i })
    await other.replicate.to(remote())
    one.push((seconds() - start) * 1e3)
    oneBytes = (await told()).bytes - before
    expect((await remote().get('c0t0')).percent === 1000 + i, 'the change did not arrive')
  }
  say('noop_b', noopBytes)
  say('noop_ms', median(noop))
  say('one_b', oneBytes)
  say('one_ms', median(one))
  await other.destroy()
  server.disconnect()
  process.exit(0)
}

run({ prepare, hub, serve })
