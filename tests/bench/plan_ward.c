#include "plan_ward.h"
#include "replica/ingest.h"
#include "replica/stream.h"
#include "wardsync_plan.h"

#include <stdlib.h>
#include <string.h>

static void fine(int rc, const char *what, const struct ward_error *err)
{
    if (rc)
        bench_die(what, err);
}

void plan_ward_carry(struct bench_ward *w, ward_replica *from, ward_replica *to)
{
    struct ward_error err = {0};
    struct ward_stream s;
    struct ward_streamed run;
    struct ward_apply a;
    struct ward_ingested done;
    struct ward_message m;
    struct ward_buf frame;
    struct ward_hash space;
    bool got = true;
    for (size_t i = 0; i < from->dir.space_count; i++)
        if (from->dir.spaces[i].circle_count)
            fine(ward_replica_know_circle(to, from->dir.spaces[i].circle, from->dir.spaces[i].circle_count, &space), "circle", NULL);
    ward_buf_init(&frame, &w->env);
    ward_stream_init(&s, from, ward_replica_grant(to));
    for (size_t i = 0; i < to->dir.feed_count; i++) {
        const struct ward_feed *f = &to->dir.feeds[i], *theirs = ward_directory_feed_by_id(&from->dir, &f->id);
        if (theirs)
            fine(ward_vv_raise(&s.have, &from->env, theirs->fid, f->head_seq), "heads", NULL);
    }
    fine(ward_stream_seek(&s, &err), "stream", &err);
    fine(ward_apply_begin(&a, to, &err), "begin", &err);
    while (got) {
        fine(ward_stream_next(&s, &frame, &run, &got, &err), "stream", &err);
        if (got) {
            fine(ward_frame_parse(&m, frame.p, frame.len, &err), "frame", &err);
            fine(ward_ingest_run(&a, &m.run, &done, &err), "ingest", &err);
        }
    }
    fine(ward_apply_end(&a, 0, &err), "commit", &err);
    ward_stream_free(&s);
    ward_buf_free(&frame);
}

/* ---- writing */

struct pen {
    struct bench_ward *w;
    ward_replica *r;
    ward_txn *t;
    struct ward_hash space;
};

static void begin(struct pen *p)
{
    struct ward_error err = {0};
    p->w->now_ms += 60000 + bench_below(&p->w->rng, 180000);
    fine(ward_begin(p->r, &p->t, &err), "begin", &err);
}

static void put(struct pen *p, uint32_t kind, const struct ward_id *id, uint32_t field, struct ward_value v)
{
    struct ward_error err = {0};
    fine(ward_put(p->t, &p->space, kind, id, field, NULL, 0, &v, &err), "put", &err);
}

static void put_text(struct pen *p, uint32_t kind, const struct ward_id *id, uint32_t field, const char *text)
{
    put(p, kind, id, field, ward_value_text(text));
}

static void end(struct pen *p)
{
    struct ward_error err = {0};
    int rc = ward_commit(p->t, NULL, &err);
    fine(rc == WARD_ERR_NOTHING ? 0 : rc, "commit", &err);
}

static void one(struct pen *p, uint32_t kind, const struct ward_id *id, uint32_t field, struct ward_value v)
{
    begin(p);
    put(p, kind, id, field, v);
    end(p);
}

static const char *code_of(char out[16], unsigned cell)
{
    snprintf(out, 16, "TDP-%02u", cell + 1);
    return out;
}

/* The ward's own records: units by their devices' grants, a plan. */
static void write_units(struct bench_ward *w, ward_replica *op, struct ward_id *plan)
{
    struct pen p = {.w = w, .r = op};
    char code[16];
    unsigned n = 0;
    ward_space_of_ward(op, &p.space);
    ward_plan_plan_id(plan, "BD-05");
    begin(&p);
    put_text(&p, WARD_KIND_PLAN, plan, WARD_PLAN_CODE, "BD-05");
    put_text(&p, WARD_KIND_PLAN, plan, WARD_PLAN_TITLE, "Thực hiện Nghị quyết 05-NQ/TU tại phường");
    for (size_t i = 0; i < op->dir.grant_count; i++) {
        const struct ward_grant *g = &op->dir.grants[i];
        if (g->role == WARD_ROLE_ROOT)
            continue;
        snprintf(code, sizeof code, "D-%u", n++);
        put_text(&p, WARD_KIND_UNIT, &g->unit, WARD_UNIT_CODE, code);
        put_text(&p, WARD_KIND_UNIT, &g->unit, WARD_UNIT_NAME, "Tổ dân phố");
        put_text(&p, WARD_KIND_UNIT, &g->unit, WARD_UNIT_KIND, "party-cell");
    }
    end(&p);
}

static const char *const words[] = {"todo", "doing", "waiting", "done"};

/* Edit e of a task: what it is comes first, then its work goes on. */
static void edit(struct pen *p, const struct ward_id *id, const struct ward_id *unit, const struct ward_id *plan, unsigned cell,
                 unsigned task, unsigned e, const struct bench_week *text)
{
    char line[64], unit_code[16];
    switch (e) {
    case 0:
        snprintf(line, sizeof line, "%s-%u", code_of(unit_code, cell), task + 1);
        put(p, WARD_KIND_TASK, id, WARD_TASK_CODE, ward_value_text(line));
        break;
    case 1:
        put(p, WARD_KIND_TASK, id, WARD_TASK_TITLE, text->edits[task].value);
        break;
    case 2:
        put(p, WARD_KIND_TASK, id, WARD_TASK_LEAD, ward_value_id(unit));
        break;
    case 3:
        snprintf(line, sizeof line, "2025-%02u-%02u", 1 + bench_below(&p->w->rng, 12), 1 + bench_below(&p->w->rng, 28));
        put(p, WARD_KIND_TASK, id, WARD_TASK_DUE, ward_value_text(line));
        break;
    case 4:
        snprintf(line, sizeof line, "II.%u.%u", 1 + cell % 9, 1 + task % 12);
        put(p, WARD_KIND_TASK, id, WARD_TASK_SECTION, ward_value_text(line));
        break;
    case 5:
        put(p, WARD_KIND_TASK, id, WARD_TASK_PLAN, ward_value_id(plan));
        break;
    case 6:
        put(p, WARD_KIND_TASK, id, WARD_TASK_STATUS, ward_value_text(words[bench_below(&p->w->rng, 4)]));
        break;
    default:
        put(p, WARD_KIND_TASK, id, WARD_TASK_PERCENT, ward_value_int((e * 17 + bench_below(&p->w->rng, 7)) % 101));
    }
}

static void write_cell(struct bench *b, struct bench_ward *w, ward_replica *r, const struct ward_id *plan, unsigned cell,
                       struct ward_id *ids)
{
    const struct bench_scale *s = &b->scale[b->at];
    const struct ward_id unit = ward_replica_grant(r)->unit;
    const unsigned together = b->check ? 50 : 1; /* edits in one change */
    struct pen p = {.w = w, .r = r};
    struct ward_error err = {0};
    struct bench_week text;
    struct ward_id id;
    bench_own_space(r, &p.space);
    if (bench_week_make(&text, b->seed, cell, s->tasks, 1)) /* the first edit of each task is its title */
        bench_die("week", NULL);
    for (unsigned t = 0; t < s->tasks; t++)
        fine(ward_new_id(r, &ids[t], &err), "id", &err);
    for (unsigned e = 0; e < s->edits; e++)
        for (unsigned t = 0; t < s->tasks; t++) {
            if (t % together == 0)
                begin(&p);
            edit(&p, &ids[t], &unit, plan, cell, t, e, &text);
            if (t % together == together - 1 || t + 1 == s->tasks)
                end(&p);
        }
    for (unsigned t = 0; t < s->tasks; t += 50) {
        fine(ward_new_id(r, &id, &err), "id", &err);
        begin(&p);
        put(&p, WARD_KIND_REPORT, &id, WARD_REPORT_UNIT, ward_value_id(&unit));
        put(&p, WARD_KIND_REPORT, &id, WARD_REPORT_TASK, ward_value_id(&ids[t]));
        put_text(&p, WARD_KIND_REPORT, &id, WARD_REPORT_TITLE, "Báo cáo tiến độ");
        end(&p);
        if (t % 100)
            continue;
        fine(ward_new_id(r, &id, &err), "id", &err);
        begin(&p);
        put(&p, WARD_KIND_NOTE, &id, WARD_NOTE_TASK, ward_value_id(&ids[t]));
        put_text(&p, WARD_KIND_NOTE, &id, WARD_NOTE_TEXT, "Đã trao đổi với tổ trưởng");
        end(&p);
    }
    bench_week_free(&text);
}

/* Operator and cell write the same while apart: an open field is in conflict, a governed one holds a proposal. */
static void write_apart(struct bench *b, struct bench_ward *w, ward_replica *op, ward_replica *r, const struct ward_id *ids)
{
    struct pen here = {.w = w, .r = r}, there = {.w = w, .r = op};
    bench_own_space(r, &here.space);
    there.space = here.space;
    for (unsigned t = 0; t < b->scale[b->at].tasks; t += 100) {
        one(&there, WARD_KIND_TASK, &ids[t], WARD_TASK_PERSON, ward_value_text("Bí thư"));
        one(&here, WARD_KIND_TASK, &ids[t], WARD_TASK_OBSTACLE, ward_value_text("thiếu kinh phí"));
        one(&there, WARD_KIND_TASK, &ids[t], WARD_TASK_OBSTACLE, ward_value_text("chờ hướng dẫn"));
        one(&there, WARD_KIND_TASK, &ids[t], WARD_TASK_DUE, ward_value_text("2026-06-30"));
        one(&here, WARD_KIND_TASK, &ids[t], WARD_TASK_DUE, ward_value_text("2026-09-30"));
    }
}

void plan_ward_make(struct bench *b, struct bench_ward *w)
{
    struct ward_id plan, *ids = calloc(b->scale[b->at].tasks + 1, sizeof *ids);
    char path[512], name[16];
    bench_ward_init(w, b->seed);
    w->options.schema = ward_plan_schema();
    bench_ward_found(b, w);
    bench_path(path, b, "op");
    ward_replica *op = bench_open(w, path);
    if (!ids)
        bench_die("memory", NULL);
    write_units(w, op, &plan);
    for (unsigned i = 0; i < b->scale[b->at].cells; i++) {
        snprintf(name, sizeof name, "c%u", i);
        bench_path(path, b, name);
        ward_replica *r = bench_open(w, path);
        plan_ward_carry(w, op, r);
        write_cell(b, w, r, &plan, i, ids);
        plan_ward_carry(w, r, op);
        write_apart(b, w, op, r, ids);
        plan_ward_carry(w, r, op);
        plan_ward_carry(w, op, r);
        ward_close(r);
    }
    ward_close(op);
    free(ids);
}
