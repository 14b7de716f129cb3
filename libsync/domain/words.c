/* words.c - the closed lists of words that records store, with what users see instead, and how a proposal may move. */
#include <string.h>

#include "wardsync_plan.h"

static const struct ward_word task_status[] = {
    [WARD_TASK_TODO] = {"todo", "not started", "chưa bắt đầu"},
    [WARD_TASK_DOING] = {"doing", "under way", "đang làm"},
    [WARD_TASK_WAITING] = {"waiting", "to be approved", "chờ duyệt"},
    [WARD_TASK_DONE] = {"done", "done", "hoàn thành"},
    [WARD_TASK_PAUSED] = {"paused", "paused", "tạm dừng"},
    [WARD_TASK_CANCELLED] = {"cancelled", "cancelled", "huỷ"},
};

static const struct ward_word unit_kind[] = {
    [WARD_UNIT_PARTY_CELL] = {"party-cell", "cell", "chi bộ"},
    [WARD_UNIT_PARTY_COMMITTEE] = {"party-committee", "committee of cells", "đảng bộ"},
    [WARD_UNIT_PEOPLES_COMMITTEE] = {"peoples-committee", "People's Committee", "Uỷ ban nhân dân"},
    [WARD_UNIT_PEOPLES_COUNCIL] = {"peoples-council", "People's Council", "Hội đồng nhân dân"},
    [WARD_UNIT_FATHERLAND_FRONT] = {"fatherland-front", "Fatherland Front", "Mặt trận Tổ quốc"},
    [WARD_UNIT_YOUTH_UNION] = {"youth-union", "Youth Union", "Đoàn Thanh niên"},
    [WARD_UNIT_MASS_ORGANISATION] = {"mass-organisation", "mass organisation", "tổ chức chính trị - xã hội"},
    [WARD_UNIT_PARTY_BOARD] = {"party-board", "Party-building board", "Ban Xây dựng Đảng"},
    [WARD_UNIT_INSPECTION_COMMITTEE] = {"inspection-committee", "Inspection Committee", "Uỷ ban Kiểm tra"},
    [WARD_UNIT_STANDING_COMMITTEE] = {"standing-committee", "Standing Committee", "Ban Thường vụ"},
    [WARD_UNIT_OFFICE] = {"office", "office", "phòng, đơn vị"},
    [WARD_UNIT_ADVISORY_BODY] = {"advisory-body", "advisory body", "cơ quan tham mưu, giúp việc"},
};

static const struct ward_word proposal_state[] = {
    [WARD_PROPOSAL_DRAFT] = {"draft", "draft", "dự thảo"},
    [WARD_PROPOSAL_SUBMITTED] = {"submitted", "submitted", "đã trình"},
    [WARD_PROPOSAL_SHORTLISTED] = {"shortlisted", "shortlisted", "vào danh sách xét"},
    [WARD_PROPOSAL_SELECTED] = {"selected", "selected", "được chọn"},
    [WARD_PROPOSAL_REJECTED] = {"rejected", "not selected", "không được chọn"},
    [WARD_PROPOSAL_RUNNING] = {"running", "under way", "đang triển khai"},
    [WARD_PROPOSAL_REVIEWED] = {"reviewed", "reviewed", "đã sơ kết"},
    [WARD_PROPOSAL_CONCLUDED] = {"concluded", "concluded", "đã tổng kết"},
};

static const struct ward_word finding_status[] = {
    [WARD_FINDING_OPEN] = {"open", "open", "chưa khắc phục"},
    [WARD_FINDING_MENDED] = {"mended", "mended", "đã khắc phục"},
    [WARD_FINDING_CLOSED] = {"closed", "closed", "đã kết thúc"},
};

static const struct ward_word rating[] = {
    [WARD_RATING_EXCELLENT] = {"excellent", "fulfilled excellently", "hoàn thành xuất sắc nhiệm vụ"},
    [WARD_RATING_GOOD] = {"good", "fulfilled well", "hoàn thành tốt nhiệm vụ"},
    [WARD_RATING_FULFILLED] = {"fulfilled", "fulfilled", "hoàn thành nhiệm vụ"},
    [WARD_RATING_UNFULFILLED] = {"unfulfilled", "not fulfilled", "không hoàn thành nhiệm vụ"},
};

#define LIST(a)                                                                                                                            \
    {                                                                                                                                      \
        (a), sizeof(a) / sizeof(a)[0]                                                                                                      \
    }
static const struct {
    const struct ward_word *words;
    size_t count;
} lists[] = {
    [WARD_WORDS_TASK_STATUS] = LIST(task_status),
    [WARD_WORDS_UNIT_KIND] = LIST(unit_kind),
    [WARD_WORDS_PROPOSAL_STATE] = LIST(proposal_state),
    [WARD_WORDS_FINDING_STATUS] = LIST(finding_status),
    [WARD_WORDS_RATING] = LIST(rating),
};
#undef LIST

const struct ward_word *ward_words(enum ward_word_list list, size_t *count)
{
    *count = lists[list].count;
    return lists[list].words;
}

int ward_word_index(enum ward_word_list list, const char *word, size_t len)
{
    for (size_t i = 0; i < lists[list].count; i++)
        if (strlen(lists[list].words[i].word) == len && memcmp(lists[list].words[i].word, word, len) == 0)
            return (int)i;
    return -1;
}

const char *ward_word_label(enum ward_word_list list, size_t index, enum ward_lang lang)
{
    if (index >= lists[list].count)
        return "";
    return lang == WARD_LANG_VI ? lists[list].words[index].label_vi : lists[list].words[index].label_en;
}

const char *ward_plan_overdue_label(enum ward_lang lang)
{
    return lang == WARD_LANG_VI ? "quá hạn" : "overdue";
}

bool ward_proposal_may_move(enum ward_proposal_state from, enum ward_proposal_state to, bool given)
{
    enum { NO, ANY, OWN, GIVEN };
    static const unsigned char moves[8][8] = {
        /*                draft subm. shrt. sel. rej. run. rev. concl. */
        [WARD_PROPOSAL_DRAFT] = {NO, ANY, NO, NO, NO, NO, NO, NO},
        [WARD_PROPOSAL_SUBMITTED] = {ANY, NO, ANY, OWN, ANY, GIVEN, NO, NO},
        [WARD_PROPOSAL_SHORTLISTED] = {NO, ANY, NO, OWN, ANY, GIVEN, NO, NO},
        [WARD_PROPOSAL_SELECTED] = {NO, NO, OWN, NO, OWN, OWN, NO, NO},
        [WARD_PROPOSAL_REJECTED] = {ANY, NO, NO, NO, NO, NO, NO, NO},
        [WARD_PROPOSAL_RUNNING] = {NO, NO, NO, NO, NO, NO, ANY, NO},
        [WARD_PROPOSAL_REVIEWED] = {NO, NO, NO, NO, NO, ANY, NO, ANY},
        [WARD_PROPOSAL_CONCLUDED] = {NO, NO, NO, NO, NO, NO, NO, NO},
    };
    unsigned char rule = moves[from][to];
    return rule == ANY || rule == (given ? GIVEN : OWN);
}
