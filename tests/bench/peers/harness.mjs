// What the peers' scripts share: `node PEER.mjs prepare|hub WORKLOAD DIR`. The workload is JSON lines [cell, task, field, value], as ward-bench
// writes it. prepare makes, unmeasured, what each cell would send, and says the peer's version; hub measures and prints lines "name value".
import fs from 'node:fs'
import path from 'node:path'

export const ROUNDS = 9
const FIELDS = [, 'title', 'status', 'lead_unit', 'deadline', 'percent', 'note', 'priority', 'updated_by']

export function cellsOf(workload) {
  const cells = []
  for (const line of fs.readFileSync(workload, 'utf8').split('\n')) {
    if (!line) continue
    const [cell, task, field, value] = JSON.parse(line)
    ;(cells[cell] ??= []).push({ id: `c${cell}t${task}`, field: FIELDS[field], value })
  }
  return cells
}

export function versionOf(name) {
  const file = path.join(import.meta.dirname, 'node_modules', name, 'package.json')
  return JSON.parse(fs.readFileSync(file, 'utf8')).version
}

export const say = (name, value) => console.log(name, value)
export const seconds = () => Number(process.hrtime.bigint()) / 1e9
export const median = (v) => v.sort((a, b) => a - b)[v.length >> 1]
const base = peak()
export function peak() {
  return Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
}
export function sayPeak() {
  const now = peak()
  say('peak', now)
  say('above', now - base)
}

// A file of updates, each on the disk when append returns: the least that makes a document in memory durable.
export class Log {
  constructor(file) {
    this.fd = fs.openSync(file, 'w')
  }
  append(bytes) {
    const head = Buffer.alloc(4)
    head.writeUInt32LE(bytes.length)
    fs.writevSync(this.fd, [head, bytes])
    fs.fdatasyncSync(this.fd)
  }
}

function expect(fine, what) {
  if (fine) return
  console.error(`peer: ${what}`)
  process.exit(1)
}
export { expect }

export async function run({ prepare, hub, ...others }) {
  const [, , phase, workload, dir, ...rest] = process.argv
  const phases = { prepare: async () => prepare(cellsOf(workload), dir), hub: async () => hub(workload, dir), ...others }
  expect(phases[phase], `no phase ${phase}`)
  await phases[phase](workload, dir, ...rest)
}

// A peer that is one document in memory: { package, open(cell), edit(doc, id, field, value), all(doc), save(doc), apply(doc, bytes) -> doc,
// fresh(cell, bytes) -> doc if there is a quicker way to begin than open and apply,
// exchange(from, to) -> { from, to, bytes, news } brings `to` what `from` has, get(doc, id, field) }.
export function documentPeer(p) {
  const last = (cells) => {
    const want = new Map()
    for (const edits of cells) for (const e of edits) want.set(`${e.id} ${e.field}`, e)
    return [...want.values()]
  }
  return run({
    prepare(cells, dir) {
      cells.forEach((edits, i) => {
        let doc = p.open(i + 1)
        for (const e of edits) doc = p.edit(doc, e.id, e.field, e.value)
        fs.writeFileSync(path.join(dir, `cell${i}`), p.all(doc))
        p.close?.(doc)
      })
      say('version', versionOf(p.package))
    },
    hub(workload, dir) {
      let hub = p.open(100001)
      const log = new Log(path.join(dir, 'hub.log'))
      const files = fs.readdirSync(dir).filter((f) => f.startsWith('cell')).map((f) => path.join(dir, f))
      let took = 0
      for (const file of files) {
        const bytes = fs.readFileSync(file)
        const start = seconds()
        hub = p.apply(hub, bytes)
        log.append(bytes)
        took += seconds() - start
      }
      sayPeak()
      const cells = cellsOf(workload)
      say('ingest_rate', cells.reduce((n, c) => n + c.length, 0) / took)
      for (const e of last(cells)) expect(p.get(hub, e.id, e.field) === e.value, `${e.id} ${e.field} is not what was written`)
      say('file_b', p.save(hub).length)

      let start = seconds()
      const copy = p.all(hub)
      let other = p.fresh ? p.fresh(100002, copy) : p.apply(p.open(100002), copy)
      new Log(path.join(dir, 'other.log')).append(copy)
      say('copy_s', seconds() - start)
      say('copy_b', copy.length)
      fs.writeFileSync(path.join(dir, 'copy'), copy)
      say('copy_file', path.join(dir, 'copy'))

      const mine = new Log(path.join(dir, 'mine.log'))
      const noop = [], one = []
      let noopBytes, oneBytes
      ;({ from: other, to: hub } = p.exchange(other, hub)) // what only a first meeting says
      for (let i = 0; i < ROUNDS; i++) {
        start = seconds()
        let x = p.exchange(other, hub)
        noop.push((seconds() - start) * 1e3)
        noopBytes = x.bytes
        ;({ from: other, to: hub } = x)
        start = seconds()
        other = p.edit(other, 'c0t0', 'percent', 1000 + i)
        x = p.exchange(other, hub)
        mine.append(x.news)
        log.append(x.news)
        one.push((seconds() - start) * 1e3)
        oneBytes = x.bytes
        ;({ from: other, to: hub } = x)
        expect(p.get(hub, 'c0t0', 'percent') === 1000 + i, 'the change did not arrive')
      }
      say('noop_b', noopBytes)
      say('noop_ms', median(noop))
      say('one_b', oneBytes)
      say('one_ms', median(one))
    },
  })
}
