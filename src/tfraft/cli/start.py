"""`start`: run a cluster, with a prompt or a pipe in front of it, until the user has done."""

from collections.abc import Sequence

from tfraft.cli import banner
from tfraft.cli.exits import ExitCode
from tfraft.cli.front import FrontSettings, in_front_of, until_done
from tfraft.cli.settings import StartSettings
from tfraft.cli.signals import Signals
from tfraft.cli.streams import tell_beside
from tfraft.cli.watcher import Watcher
from tfraft.clusters.cluster import Cluster


class StartWords:
    """What is told of a cluster that begins and ends with this program."""

    def greeting(self, cluster: Cluster, watcher: Watcher, started_s: float) -> Sequence[str]:
        return [
            banner.what_runs(cluster.info, cluster.members),
            banner.data_line(cluster.info),
            *banner.redis_lines(cluster.members),
            *cluster.info.remarks,
            banner.who_leads(cluster.members, watcher.last_leader, started_s),
            banner.HINT + "\n",
        ]

    def beside(self, cluster: Cluster) -> Sequence[str]:
        return [banner.data_line(cluster.info), *banner.redis_lines(cluster.members), *cluster.info.remarks]

    def farewell(self, cluster: Cluster, running: int, took_s: float) -> str:
        return banner.farewell(cluster.info, running, took_s)


async def start(settings: StartSettings) -> ExitCode:
    """Run `settings` to its end; afterwards no node runs any more. Raises TfRaftError where it cannot begin."""

    async def work(signals: Signals) -> ExitCode:
        from tfraft.clusters.datadir import DataDirectory
        from tfraft.clusters.open import open_cluster

        if settings.fresh and settings.data is not None and (removed := DataDirectory.contents(settings.data)):
            # Said before it is done: a start that fails later must not have removed anything in silence.
            tell_beside(f"--fresh removes {removed}")
        # So that CONSISTENCY lease means something; all it costs is that a restarted server votes a little later.
        cluster = open_cluster(
            settings.network,
            settings.nodes,
            data=settings.data,
            state=settings.state,
            fresh=settings.fresh,
            lease_reads=True,
            redis_port=settings.redis_port,
        )
        front = FrontSettings(settings.as_json, settings.yes, settings.timeout_s)
        return await in_front_of(cluster, StartWords(), front, signals)

    return await until_done(work)
