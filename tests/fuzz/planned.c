#include "planned.h"
#include "disk.h"
#include "outside.h"

static struct disk *disks[2];
static struct disk_image *image;
static const char *const homes[2] = {"/p0/home", "/p1/home"};

static const char plan[] = "row,code,title,owner,select_max\n"
                           "plan,K1,Spring,BAN,2\n"
                           "row,code,name,kind,parent\n"
                           "unit,BAN,Office,party-committee,\n"
                           "unit,CB1,Cell one,party-cell,BAN\n"
                           "unit,CB2,Cell two,party-cell,BAN\n"
                           "row,code,section,title,lead,with,due,target\n"
                           "task,I-01,I,Lanterns,CB1,CB2,2026-05-31,10\n"
                           "task,I-02,I,Flags,CB2,,every:month,\n"
                           "task,II-01,II,Garden,CB1,\"CB2,BAN\",event:opening+15,\n"
                           "task,II-02,II,Roads,BAN,,2026-Q3,\n"
                           "task,II-03,II,Always,BAN,,standing,\n"
                           "row,code,title,unit,origin\n"
                           "proposal,P1,A lane without rubbish,CB1,own\n";

#define MUST(call)                                                                                                                         \
    do {                                                                                                                                   \
        struct ward_error must = {0}, *err = &must;                                                                                        \
        int must_rc = (call);                                                                                                              \
        if (must_rc)                                                                                                                       \
            fprintf(stderr, "%s: %d %s\n", #call, must_rc, must.detail);                                                                   \
        CHECK(must_rc == WARD_OK);                                                                                                         \
    } while (0)

static void begin(void)
{
    const struct ward_options options = {.schema = ward_plan_schema(), .env = &fuzz_outside, .vfs = DISK_VFS};
    struct ward_import_result done;
    struct ward_date day = {2026, 5, 10};
    struct ward_id unit, id;
    ward_replica *r;
    fuzz_outside_begin();
    disks[0] = disk_new("/p0");
    disks[1] = disk_new("/p1");
    ward_plan_unit_id(&unit, "BAN");
    MUST(ward_found(&r, homes[0], "North", &unit, "office", &options, err));
    MUST(ward_plan_import(r, plan, strlen(plan), false, &done, err));
    CHECK(done.units.added == 3 && done.tasks.added == 5 && done.proposals.added == 1);
    MUST(ward_plan_event_record(r, "opening", &day, "it was fine", &id, err));
    MUST(ward_plan_resolve(r, WARD_KIND_TASK, "I-01", &id, err));
    MUST(ward_plan_note_add(r, &id, "half of them hang", &id, err));
    ward_close(r);
    image = disk_copy(disks[0]);
    disk_put(disks[1], image);
}

void planned_reset(unsigned at)
{
    if (!image)
        begin();
    fuzz_outside_set(99 + at);
    disk_put(disks[at], image);
}

ward_replica *planned_reopen(unsigned at)
{
    const struct ward_options options = {.schema = ward_plan_schema(), .env = &fuzz_outside, .vfs = DISK_VFS};
    ward_replica *r = NULL;
    MUST(ward_open(&r, homes[at], &options, err));
    return r;
}

ward_replica *planned_open(unsigned at)
{
    planned_reset(at);
    return planned_reopen(at);
}

struct ward_hash planned_digest(ward_replica *r)
{
    struct ward_status status;
    MUST(ward_status(r, &status, err));
    return status.digest;
}
