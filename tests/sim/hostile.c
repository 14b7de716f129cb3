#include "hostile.h"

void hostile_strike(struct world *w, enum fault what)
{
    (void)w, (void)what;
}
