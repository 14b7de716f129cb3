// Hypercore: a signed log a cell, each edit a block; no state is made of them, no conflict seen, and nothing waits for the disk. The cells'
// end is another process; the hub fetches over a loopback socket (Noise), bytes are those of the socket.
import { fork } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import Corestore from 'corestore'
import { ROUNDS, cellsOf, expect, median, run, say, sayPeak, seconds, versionOf } from './harness.mjs'

const block = (e) => Buffer.from(JSON.stringify([e.id, e.field, e.value]))
const cellCore = (store, i) => store.get({ name: `cell${i}` })

function attach(store, socket, initiator) {
  const stream = store.replicate(initiator)
  socket.setNoDelay(true)
  socket.on('error', () => {})
  stream.on('error', () => {})
  socket.pipe(stream).pipe(socket)
}
function listen(store) {
  return new Promise((resolve) => {
    const server = net.createServer((socket) => attach(store, socket, false))
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}
function connect(store, port) {
  const socket = net.connect(port, '127.0.0.1')
  attach(store, socket, true)
  return socket
}

async function fetchAll(cores) {
  await Promise.all(
    cores.map(async (c) => {
      await c.update({ wait: true })
      await c.download({ start: 0, end: c.length }).done()
    }),
  )
}

async function prepare(cells, dir) {
  const store = new Corestore(path.join(dir, 'cells'))
  const keys = []
  for (const [i, edits] of cells.entries()) {
    const core = cellCore(store, i)
    await core.ready()
    for (let k = 0; k < edits.length; k += 100) await core.append(edits.slice(k, k + 100).map(block))
    keys.push(core.key.toString('hex'))
  }
  await store.close()
  fs.writeFileSync(path.join(dir, 'keys'), JSON.stringify(keys))
  say('version', versionOf('hypercore'))
}

async function serve(workload, dir) {
  const store = new Corestore(path.join(dir, 'cells'))
  const cores = cellsOf(workload).map((_, i) => cellCore(store, i))
  await Promise.all(cores.map((c) => c.ready()))
  const server = await listen(store)
  process.send({ port: server.address().port })
  process.on('message', async ({ append }) => {
    await cores[0].append(Buffer.from(append))
    process.send({ length: cores[0].length })
  })
  process.on('disconnect', () => process.exit(0))
}

async function writeRates(dir, edits) {
  const store = new Corestore(path.join(dir, 'writes'))
  const core = store.get({ name: 'writes' })
  await core.ready()
  let start = seconds()
  for (const e of edits) await core.append(block(e))
  say('commit_rate', edits.length / (seconds() - start))
  start = seconds()
  for (let k = 0; k < edits.length; k += 100) await core.append(edits.slice(k, k + 100).map(block))
  say('batch_rate', edits.length / (seconds() - start))
  await store.close()
}

async function hub(workload, dir) {
  const cells = cellsOf(workload)
  const keys = JSON.parse(fs.readFileSync(path.join(dir, 'keys'))).map((k) => Buffer.from(k, 'hex'))
  for (const d of ['writes', 'hub', 'other']) fs.rmSync(path.join(dir, d), { recursive: true, force: true })
  await writeRates(dir, cells[0])
  const server = fork(process.argv[1], ['serve', workload, dir], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const word = () => new Promise((resolve) => server.once('message', resolve))
  const { port } = await word()

  const open = async (name) => {
    const store = new Corestore(path.join(dir, name))
    const cores = keys.map((key) => store.get({ key }))
    await Promise.all(cores.map((c) => c.ready()))
    return { store, cores }
  }
  const here = await open('hub')
  let start = seconds()
  let socket = connect(here.store, port)
  await fetchAll(here.cores)
  const all = cells.reduce((n, c) => n + c.length, 0)
  say('ingest_rate', all / (seconds() - start))
  expect(here.cores.reduce((n, c) => n + c.contiguousLength, 0) >= all, 'not every block came')
  sayPeak()
  const size = (d) => fs.readdirSync(d, { recursive: true }).reduce((n, f) => n + fs.statSync(path.join(d, f)).size, 0)
  say('file_b', size(path.join(dir, 'hub')))
  socket.destroy()

  const listening = await listen(here.store)
  const there = await open('other')
  start = seconds()
  socket = connect(there.store, listening.address().port)
  await fetchAll(there.cores)
  say('copy_s', seconds() - start)
  say('copy_b', socket.bytesRead + socket.bytesWritten)
  socket.destroy()
  await there.store.close()
  listening.close()

  const noop = [], one = []
  let noopBytes, oneBytes
  for (let i = 0; i < ROUNDS; i++) {
    start = seconds()
    socket = connect(here.store, port) // with connecting, as for the others that connect
    await Promise.all(here.cores.map((c) => c.update({ wait: true })))
    noop.push((seconds() - start) * 1e3)
    noopBytes = socket.bytesRead + socket.bytesWritten
    const at = here.cores[0].length
    const answer = word()
    start = seconds()
    server.send({ append: JSON.stringify(['c0t0', 'percent', i]) })
    await here.cores[0].get(at)
    one.push((seconds() - start) * 1e3)
    await answer
    oneBytes = socket.bytesRead + socket.bytesWritten - noopBytes
    socket.destroy()
  }
  say('noop_b', noopBytes)
  say('noop_ms', median(noop))
  say('one_b', oneBytes)
  say('one_ms', median(one))
  server.disconnect()
  process.exit(0)
}

run({ prepare, hub, serve })
