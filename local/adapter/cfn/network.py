"""AWS::EC2 resource types that ministack lacks: flow logs and single security group rules."""

from collections.abc import Iterator
from typing import Any

from local.adapter import seams
from local.adapter.cfn.types import Created, Props, ResourceType
from local.adapter.host import MinistackHost
from local.adapter.vpc import ROLE_MEMBER

_RULE_REFERENCES = ("SourceSecurityGroupId", "DestinationSecurityGroupId")
_RULE_PREFIX_LISTS = ("SourcePrefixListId", "DestinationPrefixListId")


def types(host: MinistackHost) -> Iterator[ResourceType]:
    """The types."""
    yield _flow_log(host)
    yield _rule(host, "ingress")
    yield _rule(host, "egress")


def _flow_log(host: MinistackHost) -> ResourceType:
    def create(_name: str, props: Props) -> Created:
        asked = {key: value for key, value in props.items() if key not in ("ResourceId", "Tags")}
        asked["ResourceIds"] = [props["ResourceId"]]
        if tags := props.get("Tags"):
            asked["TagSpecifications"] = [{"ResourceType": "vpc-flow-log", "Tags": tags}]
        if "MaxAggregationInterval" in asked:
            asked["MaxAggregationInterval"] = int(asked["MaxAggregationInterval"])
        [flow_log] = host.client("ec2").create_flow_logs(**asked)["FlowLogIds"]
        # ministack forgets the role.
        seams.ec2._flow_logs[flow_log][ROLE_MEMBER] = props.get(ROLE_MEMBER)
        return flow_log, {"Id": flow_log}

    def delete(physical_id: str, _props: Props) -> None:
        host.client("ec2").delete_flow_logs(FlowLogIds=[physical_id])

    replacing = (
        "ResourceId",
        "ResourceType",
        "TrafficType",
        "LogDestination",
        "LogDestinationType",
        "LogGroupName",
        "DeliverLogsPermissionArn",
        "MaxAggregationInterval",
        "LogFormat",
    )
    return ResourceType(
        "AWS::EC2::FlowLog",
        create,
        delete,
        lambda physical_id, _old, _new: (physical_id, {"Id": physical_id}),
        replacing,
    )


def _rule(host: MinistackHost, direction: str) -> ResourceType:
    def permission(props: Props) -> dict[str, Any]:
        described = {"Description": props["Description"]} if props.get("Description") else {}
        asked: dict[str, Any] = {"IpProtocol": str(props["IpProtocol"])}
        for port in ("FromPort", "ToPort"):
            if port in props:
                asked[port] = int(props[port])
        if "CidrIp" in props:
            asked["IpRanges"] = [{"CidrIp": props["CidrIp"]} | described]
        if "CidrIpv6" in props:
            asked["Ipv6Ranges"] = [{"CidrIpv6": props["CidrIpv6"]} | described]
        for group in (props[name] for name in _RULE_REFERENCES if name in props):
            asked["UserIdGroupPairs"] = [{"GroupId": group} | described]
        for prefix_list in (props[name] for name in _RULE_PREFIX_LISTS if name in props):
            asked["PrefixListIds"] = [{"PrefixListId": prefix_list} | described]
        return asked

    def change(verb: str, props: Props) -> None:
        call = getattr(host.client("ec2"), f"{verb}_security_group_{direction}")
        call(GroupId=props["GroupId"], IpPermissions=[permission(props)])

    def create(name: str, props: Props) -> Created:
        change("authorize", props)
        return name, {"Id": name}

    def update(physical_id: str, old: Props, new: Props) -> Created:
        change("revoke", old)
        change("authorize", new)
        return physical_id, {"Id": physical_id}

    return ResourceType(
        f"AWS::EC2::SecurityGroup{direction.title()}",
        create,
        lambda _physical_id, props: change("revoke", props),
        update,
        ("GroupId",),
        tags=False,
        name_length=128,
    )
