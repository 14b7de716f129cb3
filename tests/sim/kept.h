/* kept.h - seeds that once showed something, each with what it taught. They are run again by wardsync-sim --kept. */
#ifndef SIM_KEPT_H
#define SIM_KEPT_H

#include <stdint.h>

struct kept {
    const char *name;
    uint64_t seed;
    unsigned weeks;
    const char *faults, *taught;
};

/* "all" of then: before machines burnt. */
#define ALL_BUT_BURNT "network,storage,peer,clock,rollback,clone,twin,hub,revoke,versions,ended,files,lost,dispute,keys,hubs,older,compact"

static const struct kept kept[] = {
    {"mixed versions", 4, 4, "flip,reorder,writeerr,full,memory,busy,versions,outside,deps",
     "an older program crashed on opening a home with conflicts in kinds that it does not know (see unit/replica/test_versions.c)"},
    {"an inspector at a hub apart", 16, 4, "none",
     "a hub took an invitation for a role that it may not grant, and shut the new device out for good (unit/replica/test_hub.c)"},
    {"two hubs", 3, 3, "reorder,delay",
     "with several addresses each round began with refused handshakes; who answered before is called first"},
    {"a hub restored twice a day", 70, 4, "kill,memory,rollback,hub,depth",
     "what was acknowledged lives as long as one of its copies: if the hub and the author are both restored, nobody has it"},
    {"known to nobody", 304, 3, "drop,reset,reorder,replay,delay,slow,halfopen,crash,readerr,writeerr,memory,busy,clone,hub",
     "a device whose grant stood on a hub that was restored, and nowhere else, finds every door shut and has to be invited anew"},
    {"an invitation forgotten", 50038, 3, "reorder,delay,syncerr,full,clock,hub,equivocate,oversize,bomb,deps",
     "the same for an invitation that had not gone out to anybody"},
    {"closing writes, too", 322, 2, "truncate,duplicate,reorder,oneway,halfopen,kill,hub,versions",
     "power may fail in the checkpoint of ward_close; what was committed is there"},
    {"half a list", 100295, 1, "oneway,version",
     "a first sync that broke off left the ward's list of hubs without the one that the invitation named, and hid that from the device"},
    {"the power fails twice", 300167, 1, "duplicate,reorder,replay,crash,busy,clock,equivocate",
     "a transaction that the first cut left in the log was torn by the second (see the story of it)"},
    {"joined and not told", 518261, 1, "flip,reorder,delay,memory,revoke,withhold,version",
     "a join that failed after its last step was done could not be asked for again (see tests/cli/devices.sh)"},
    {"another program, and no room", 504793, 1,
     "flip,reorder,slow,kill,crash,writeerr,full,memory,clone,revoke,versions,equivocate,flood,bomb,deps",
     "a home whose plain tables had to be made anew could not even be read while its disk was full"},
    {"a stick from a forgotten laptop", 521294, 1, "oneway,writeerr,hub,oversize,bomb,deps",
     "the model took for lost what a device held that no door opened to; its bundle brought it back (see the story of it)"},
    {"an inspector's stick", 520342, 1,
     "drop,reset,truncate,flip,duplicate,reorder,replay,kill,crash,readerr,writeerr,syncerr,full,memory,busy,clock,rollback,clone,hub,"
     "revoke,versions,equivocate,withhold,flood,garbage,oversize,bomb,noncanonical,foreign,outside,depth,deps,version",
     "the same, with everything else"},
    {"half a bundle", 531837, 1, "reorder,readerr,writeerr,syncerr,busy,clock,rollback,garbage,outside",
     "the model took for lost what a reader held of a bundle at which its disk failed"},
    {"an enemy without memory", 541974, 1, ALL_BUT_BURNT, "the simulator forged frames out of memory that it had taken away itself"},
    {"receipts under keys that were replaced", 78032, 1,
     "flip,replay,slow,kill,crash,full,hub,equivocate,withhold,flood,noncanonical,outside,depth",
     "what a hub had lost of a device's former feeds was told lost for ever, though it had it again"},
    {"new keys granted and not told", 78185, 1, "delay,crash,writeerr,full,memory,busy,revoke,outside,depth",
     "the model took a device for one that counts, whose old keys the hub had ended and whose new ones had not reached it"},
    {"done before it knew", 79320, 1, "replay,crash,readerr,twin,equivocate,garbage,oversize,noncanonical,foreign,deps",
     "a copied laptop that held more than the hub left before the hub's branch had come, each time (see the story of two laptops)"},
    {"a release on a branch", 79465, 1, "slow,kill,crash,readerr,twin,hub,equivocate,foreign,deps",
     "the model took a note of release on a branch for nothing that concerns its stem"},
    {"each rests on the other", 566565, 1, "crash,twin,garbage",
     "of two branches that others had answered, the answers went out before the branches: each side refused the other's, in every session"},
    {"two laptops, and who answered them", 567205, 1, "truncate,flip,reorder,halfopen,clock,twin,hub,noncanonical,deps,version",
     "the same"},
    {"the same beside a clone", 567327, 1, "drop,duplicate,oneway,halfopen,writeerr,syncerr,clone,twin,withhold,garbage,version",
     "the same, with 302 alone"},
    {"the same on slow links", 567406, 1, "truncate,slow,writeerr,busy,clone,twin,hub,versions,flood,noncanonical,foreign,version",
     "the same"},
    {"a note that was not kept", 567572, 1, "replay,syncerr,twin,bomb",
     "own changes went out though the note of it could not be committed: opened again, the device took them back"},
    {"told twice", 600640, 1, "drop,delay,full,memory,twin",
     "the model took a later change that was told again with the same value for the one that tells the earlier"},
    {"let in by a hub that parted", 600379, 1, "truncate,delay,oneway,halfopen,memory,hub,withhold,version",
     "a restored hub let devices in on both of its branches: their grants have no effect, and the model took the devices for ones that "
     "count"},
    {"known to one whom nobody knows", 600764, 1, "duplicate,crash,full,hub,revoke,flood,garbage",
     "the same; a device that knew of the grant was stranded itself"},
    {"deleted, then weighed again", 566860, 1,
     "reset,truncate,replay,delay,halfopen,kill,crash,readerr,full,twin,hub,equivocate,withhold,garbage,bomb,noncanonical,foreign,version",
     "the model missed a deletion among what was written anew: a later edit, written anew as well, says that the record exists"},
    {"known to who has not heard of the fork", 650576, 1,
     "duplicate,halfopen,readerr,writeerr,clock,clone,twin,hub,versions,oversize,version",
     "the same; who knew of the grant had one branch of the hub's feed alone, and heard of the other in the end"},
    {"the last value on another branch", 670217, 1, "truncate,readerr,clone,twin,hub,garbage,foreign",
     "the model looked for a later value on the same branch alone: a restored copy had gone on from it on one of its own"},
    {"receipts of a twin", 80222, 1, ALL_BUT_BURNT,
     "of two branches that rest on each other, each side refused the other's, so nobody sealed them (see each rests on the other)"},
    {"released on either stem", 621730, 1, "drop,reset,flip,crash,twin,hub,revoke,equivocate",
     "a note of release counted for what its branch shares with others only where that branch is held as the stem: elsewhere it would have "
     "been released, and summed up, again"},
    {"kept back for nothing", 710023, 1, "crash,writeerr,syncerr,full,busy,twin",
     "of a feed that was forked already a device kept its last changes back whenever the other branch had grown: it took rounds to hand "
     "them on"},
    {"lost, and not asked again", 630372, 1, "duplicate,slow,oneway,kill,readerr,busy,hub,revoke,withhold,oversize",
     "the check took for mended what a desk had lost that answered once and was not met since; of a ward with two hubs it looked at "
     "nothing"},
    {"the same with a copied laptop", 660104, 1, "reset,crash,twin,hub", "the same"},
    {"known to one another", 802641, 1, "flip,delay,kill,twin,hub,revoke,garbage,foreign,version",
     "the model took devices for known that a restored hub had let in and forgotten, because they knew of one another"},
    {"known again the next day", 700251, 1, "drop,reset,rollback,twin,hub,revoke",
     "a revoked device that joined again in its home brought the hub its own words, and with them a device that the model had given up"},
    {"an answer taken twice", 804110, 1, "reset,oneway,syncerr,revoke,oversize,outside,version,files,dispute",
     "a home that took an answer again after its disk had failed told its set-aside changes again with keys that it had not loaded"},
    {"a newcomer, and one that was left behind", 1013, 1, "compact",
     "whoever began with a space's state did not know what was settled of it until it was opened anew, and refused what named that"},
    {"keys that were changed all but for the last step", 900319, 1, "duplicate,readerr,writeerr,memory,busy,version,files,keys",
     "new keys were in use, and nobody ended the old ones unless keys were changed again"},
    {"a record named again", 39, 2, "twin,compact",
     "columns lost the index of a record that one change names twice where the packer's table was full: the base could not be read "
     "(unit/shell/test_pack.c)"},
    {"a branch below a base", 1, 2, "twin,compact",
     "a branch's run that reached beyond a base was taken for the trunk's history, and took the place of the trunk's own changes in the "
     "log"},
    {"a hub that asked for history", 18, 2, "twin,compact",
     "a hub that wanted a space's history was blamed for having lost all of it; a twin below a base lost what it had published (the state "
     "took its place, and it did not write it anew)"},
    {"a receipt in the next round", 25, 2, "twin,compact",
     "the simulator did not give a twin the round in which it gets its receipt for what the other wrote"},
    {"beside what is settled", 29, 2, "twin,compact",
     "a device that held both histories of its feed withdrew its own, and then waited for ever for the one that it held"},
    {"took back what was settled otherwise", 31, 2, "twin,compact",
     "own changes under a state that took in another history were not written anew"},
    {"a state for a short log", 97, 2, "twin,compact",
     "who has let go took any seq below its base for the same there, and sent runs that nobody could place; the state was passed over by "
     "who held another history"},
    {"met by another history", 46, 2, "twin,compact",
     "a dep on what is settled was met by another chain's seq, and the settled changes came after who had seen them"},
    {"a total under a base", 6, 2, "twin,compact",
     "a sum's total before the changes that were withdrawn was looked for in the state alone: the run that needed it was refused for ever"},
    {"cannot tell yet", 51, 2, "twin,compact",
     "the model judged a replica that held another history than the settled one, which cannot tell what is settled"},
    {"without effect beside the floor", 56, 2, "twin,compact",
     "the model let a branch have effect beyond the effect of the floor that it leaves"},
    {"released below a base", 16, 2, "twin,ended,compact",
     "set-aside work could not be told anew where what it had seen was let go of: nothing could be written in that space any more"},
    {"clones, and a floor", 5, 2, "clone,rollback,compact",
     "nothing of the library's; seqs are compared whatever branch they were named on"},
    {"published beside a floor", 89, 2, "twin,compact", "the same as a hub that asked for history"},
    {"a state above a branch", 39, 2, "twin,clone,ended",
     "who was new got the state of a space with two histories of a device in it; the branch that left below it could not be placed, and "
     "the "
     "history that was to tell where never came whole"},
    {"a state above a branch, and a floor", 2, 2, "twin,clone,ended,compact", "the same, and the session ended with damage (609)"},
    {"told again beside a floor", 22, 2, "twin,clone,ended,compact",
     "late changes named changes beyond what is settled, on a chain beside it, which nobody else takes; and the model held changes to what "
     "their author has now, not to what it had when it wrote them"},
    {"a proof of no version", 1100046, 1, "flip,crash,full,hub,outside,deps,ended,dispute,keys",
     "the frame of a change in a proof was taken with a version 0 for its 1: a bit turned over went unseen"},
    {"sealed, and the link broke", 71038, 1, "kill,crash,readerr,writeerr,syncerr,full,memory,busy,older",
     "a device compared what was sealed to it with what the two remembered of each other, and told that the hub had lost it"},
    {"a copy of an older copy", 86, 2, "twin,clone,ended,compact",
     "the model took the copy of a restored folder for one that knows what it gave away after the older copy was made"},
    {"taken back in the middle of a session", 1000034, 1, ALL_BUT_BURNT,
     "a session, and what a hub had sealed, went on speaking of own changes that had given way: a run followed on what the other never "
     "had"},
    {"taken back before the heads are compared", 24, 1, "kill,rollback,clone,twin,ended,files,compact",
     "the same, where a hub was asked next"},
    {"history in pieces", 27, 2, "twin,clone,ended,compact",
     "history that was fetched from several stood in the log, was replayed and was given on in the order in which its pieces had come; and "
     "who "
     "held another history than the settled one got nothing but runs of it from a hub that kept all history"},
    {"history in pieces, let go of again", 66, 2, "twin,clone,ended,compact",
     "the same; and a state that reached beyond the floor left its holder with a want of history that nobody had any more"},
    {"passed over, and let go of", 95, 2, "twin,clone,ended,compact",
     "the model counted as set aside what lies beside a floor and was let go of with what is settled"},
    {"beside a floor of no effect", 107, 2, "twin,clone,ended,compact",
     "a state does not tell what is settled and has no effect: who held another history there kept it, and took nothing of the feed"},
    {"the same, of a device that went on", 124, 2, "twin,clone,ended,compact", "the same"},
    {"all of a branch beside a floor", 145, 2, "twin,clone,ended,compact", "the model asked others for a branch's share of its stem"},
    {"runs tell where it parts", 279, 2, "twin,clone,ended,compact",
     "a state of which the feed's settled part lies beyond took all of it back, though the runs that follow tell where it parts: they came "
     "too late, and the session broke"},
    {"the same, of a device's own feed", 169, 2, "twin,clone,ended,compact", "the same"},
    {"an ended hub lets nobody in", 1500086, 1,
     "replay,slow,oneway,crash,clock,rollback,clone,equivocate,withhold,oversize,foreign,ended,keys,compact",
     "a hub whose keys were ended, and that had not taken its new ones yet, told who wanted to join that his rights had been revoked"},
    {"a hub that was called", 1900740, 1, "reset,delay,oneway,kill,syncerr,clock,twin,hub,depth,files,keys",
     "a restored hub that got its own words back from cells which called it went on waiting for them: it answered no request any more"},
    {"given away from an older copy", 366, 2, "twin,clone,ended,compact",
     "a restored copy took back, for another history, changes of its own that the same peer had just sent it and had acknowledged: what "
     "others show of a feed they have, whether this home remembers to have given it or not (unit/replica/test_own.c)"},
    {"taken back, and met again", 338, 3, "twin,clone,ended,compact",
     "the same: what it took back came again as a branch, and was told again twice"},
    {"beside a floor, under former keys", 7070, 2, "rollback,clone,twin,hub,ended,compact",
     "the state ended before the two histories parted, and runs of the settled one took the place of a device's own feed alone: of a "
     "former "
     "one nothing came any more (unit/replica/test_parted_own.c)"},
    {"too short to tell", 544, 3, "twin,clone,ended,compact",
     "the model took for lost what was too short to tell whether it is settled, and had given way to a state: it came again"},
    {"a floor of a hub that parts", 8066, 2, "rollback,clone,twin,hub,ended,compact",
     "a restored hub parted its feed before a closing: what was settled was none any more for who heard of both branches, and he refused "
     "what was written meanwhile"},
    {"the same, and ended", 8036, 2, "rollback,clone,twin,hub,ended,compact", "the same"},
    {"sealed by a hub that was restored since", 8149, 2, "rollback,clone,twin,hub,ended,compact",
     "of own changes that gave way to a state those were not told again for which a receipt was held: the hub had lost them, and settled "
     "something else (unit/replica/test_parted_own.c)"},
    {"settled, and let in by a hub that parted", 7052, 2, "rollback,clone,twin,hub,ended,compact",
     "the model took from what is settled its effect where its author's grant has none any more"},
    {"told again before its grant", 2100039, 2, "hub,files,keys",
     "what a device told again under a new grant went ahead of the change that had granted it: an answer file proved nothing"},
    {"keys that were ended are asked for again", 2106011, 2, "clock,rollback,clone,hub,revoke,files,dispute,keys,hubs",
     "a hub that was put back asked for new keys with those of then, which had been granted and ended: refused for ever (test_rotate)"},
    {"a hub that is cut, and cuts", 2100013, 1, "hub,files,keys", "the model took it that whoever cuts is never cut"},
    {"goes on from there", 813, 2, "twin,clone,ended,compact",
     "what was too short to tell whether it is settled gave way to a state and was told again, though the giver only had more of it: its "
     "changes were told twice (unit/replica/test_parted_own.c)"},
    {"two copies delete the same", 857, 2, "compact,twin,clone,ended",
     "the model took a deletion that another copy told again, with what that one had seen, for the same one that a restored home still had "
     "waiting: what has seen more may tell another"},
    {"listed, and never told", 2900025, 2, "hub,files,keys",
     "of a hub's two branches the other alone was held by one whom the hub still listed, and who knew none of its new keys: nobody told "
     "him of them, so that he could not bring the branch"},
    {"begins where a copy's is settled", 3317, 2, "compact,twin,clone,ended",
     "a home that held nothing of its feed, of which a copy's changes were settled, took none of it for settled from its first "
     "change until all was judged again (unit/replica/test_parted_own.c)"},
    {"failed, and written all the same", 71, 3,
     "reset,duplicate,reorder,replay,slow,writeerr,full,memory,twin,equivocate,noncanonical,foreign,keys,hubs",
     "an edit ended in an error of the disk and was written: it gave way to another copy's before the model had ever seen it"},
    {"one seal over the end of a base", 31008, 3, "drop,oneway,memory,clone,oversize,bomb,lost,older",
     "the last history that a newcomer lacked stood in one run with a change that rests on the history of another feed: refused until all "
     "of the history was there, and so for ever (unit/replica/test_parted_base.c)"},
    {"told by a copy's copy", 11033, 2, "compact,twin,clone,ended",
     "what gave way was told anew in a feed that two copies share, and the model looked for it in the withdrawing one's own"},
    {"told by a copy under its own grant", 11063, 2, "compact,twin,clone,ended",
     "a copy had told the same branch again under a grant of its own and noted its release: the other, which gave way later, need not"},
    {"a stick for somebody unknown", 1920001, 4, ALL_BUT_BURNT,
     "the stick by which a hub and an operator were to hear of each other was written for one whom its writer did not know: refused, again "
     "and again, and what the operator was to end was not ended"},
    {"beside the settled, on an older base", 11335, 3, "compact,twin,clone,ended",
     "a cell with a base wrote beside what was settled beyond it; the hub, whose base reaches further, could show nothing that both held, "
     "and "
     "the cell took it for one that lacks its base, and ended each session (316) before it could be given the state"},
    {"a receipt for a feed with a branch passed over", 11621, 2, "compact,twin,clone,ended",
     "a branch beside what is settled makes no fork, and got an entry of its own in the receipt: two of one space, which is no frame"},
    {"keys asked for again and again", 2100342, 4, ALL_BUT_BURNT,
     "each attempt of a hub to take new keys that failed led to one more later, and when it could they were taken 25,000 times: the "
     "simulator's own doing"},
    {"bundles in the wrong order", 3500148, 1, "rollback,clone,hub,burnt",
     "who came back by the sheet could not read a bundle whose writer only the next one vouched for, and gave up "
     "(unit/replica/test_recover.c)"},
    {"let go of before more was settled", 3001057, 1, "rollback,clone,twin,hub,ended,compact,burnt",
     "the model judged what a device had let go of, as it rested beside the settled, by what was settled later"},
    {"an honest desk that had seen what is passed over", 3001083, 2, "rollback,clone,twin,hub,ended,compact",
     "the model took for a second history what a device told again, since it had seen something beside what was settled then"},
    {"sealed by a hub that was restored since, and more was settled", 3600007, 2, "rollback,clone,twin,hub,ended,compact",
     "of own changes that gave way to a state those were lost that a hub had sealed and lost since, where more was settled than the device "
     "held: no head told where the two part, but the state does (unit/replica/test_parted_own.c)"},
    {"given way, and back as a branch", 3001016, 2, "rollback,clone,twin,hub,ended,compact,burnt",
     "the model waited for a note that something was released which its author had told again when it gave way, before others brought it "
     "back"},
    {"down to the last seal, under former keys", 3700123, 1, "rollback,clone,twin,hub,ended,compact",
     "a feed under former keys falls to the last seal before it parts from the settled: the model took for withdrawn what comes again"},
    {"a copy's copy", 3800001, 2, "rollback,clone,twin,hub,ended,compact,burnt",
     "the model took for given away what the folder that a copy was made of had written, and nobody else had"},
    {"equal values of two histories", 4000032, 2, "clone,twin,ended,compact",
     "that a state has the value that an own change wrote was taken for proof that it has that change, and all before it"},
    {"back as a branch, and written over", 4200045, 2, "rollback,clone,twin,hub,ended,compact,burnt",
     "of what was told again when it gave way and came back as a branch only the last value of a slot is told: the model waited for the "
     "others"},
    {"an end that lapsed at the last meeting", 4400011, 2, "hub,files,keys,hubs,burnt",
     "keys of a hub that burnt were ended by an operator whose feed was found, when all met, to have parted before that: the simulator's "
     "operators did not look once more, and end them again"},
    {"a proof by a hub that nobody vouches for", 63014, 3, "all",
     "a hub whose grant has no effect is told as ended in a proof, also where nobody has ended it: the simulator knew of cuts alone"},
    {"all at once", 61, 4, ALL_BUT_BURNT, "nothing of it, yet"},
    {"a receipt for a caller while another's run is open", 10, 2, ALL_BUT_BURNT,
     "the simulator took every receipt within a transaction for a promise too early; a caller who asks hears of what was durable when it "
     "called"},
};

#endif
