package org.attune.kernel.trial;

/** The wish that an adapter act, or not. */
final class AdapterSwitch extends Wish {
    private final String adapter;
    private final boolean on;

    /** @param adapter its name in the trial */
    AdapterSwitch(String adapter, boolean on) {
        this.adapter = adapter;
        this.on = on;
    }

    String adapter() {
        return adapter;
    }

    boolean on() {
        return on;
    }

    private String word() {
        return adapter + (on ? " on" : " off");
    }

    @Override
    void carryOut(TrialRun trial) {
        trial.turn(this);
    }

    @Override
    String granted(long step) {
        return word() + " from step " + step;
    }

    @Override
    String refused(long step) {
        return "not turned " + word() + " at step " + step;
    }
}
